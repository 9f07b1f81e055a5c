//! Address ranges in CIDR notation, and the address of this machine.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::str::FromStr;
use std::time::Duration;

use super::error::CloudError;

/// The URL of a service that returns the client's public address.
pub const IP_ECHO_URL: &str = "https://checkip.amazonaws.com";

/// The timeout of a request to that service.
const ECHO_TIMEOUT: Duration = Duration::from_secs(10);

/// Ranges with a shorter prefix count as the whole internet.
const MIN_PREFIX: u8 = 8;

/// A range of IPv4 addresses in CIDR notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cidr {
    address: Ipv4Addr,
    bits: u8,
}

/// The reason why a text is not an address range.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is not a range of IPv4 addresses such as 203.0.113.7/32: {reason}")]
pub struct CidrError {
    text: String,
    reason: &'static str,
}

impl Cidr {
    /// Returns the range that contains one address.
    pub fn of(address: Ipv4Addr) -> Cidr {
        Cidr { address, bits: 32 }
    }

    /// Returns `true` if the range is so large that it counts as the whole internet.
    pub fn is_whole_internet(self) -> bool {
        self.bits < MIN_PREFIX
    }

    /// Returns `true` if the range contains the address.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        address.to_bits() & self.mask() == self.address.to_bits()
    }

    fn mask(self) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0)
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Cidr, CidrError> {
        let fail = |reason| CidrError { text: text.to_owned(), reason };
        let (address, bits) = text.split_once('/').ok_or_else(|| fail("expected ADDRESS/BITS"))?;
        let address = address
            .parse()
            .map_err(|_| fail("the address must have four numbers from 0 to 255"))?;
        let bits = bits.parse().ok().filter(|bits| *bits <= 32);
        let cidr = Cidr {
            address,
            bits: bits.ok_or_else(|| fail("the prefix length must be from 0 to 32"))?,
        };
        if address.to_bits() & !cidr.mask() != 0 {
            return Err(fail("the address has bits set after the prefix"));
        }
        Ok(cidr)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// Returns the public address of this machine.
///
/// # Errors
///
/// Returns an error if the service cannot be reached or does not return an IPv4 address.
pub async fn public_address(url: &str) -> Result<Ipv4Addr, CloudError> {
    let fail = |source: Box<dyn std::error::Error + Send + Sync>| CloudError::AddressUnknown {
        url: url.to_owned(),
        source,
    };
    let fetch = async {
        let client = reqwest::Client::builder().timeout(ECHO_TIMEOUT).build()?;
        client.get(url).send().await?.error_for_status()?.text().await
    };
    let text = fetch.await.map_err(|e| fail(e.into()))?;
    text.trim().parse().map_err(|e: std::net::AddrParseError| fail(e.into()))
}

/// Returns the address of this machine on its default route, which differs from its public address behind
/// network address translation.
pub fn local_address() -> Option<Ipv4Addr> {
    // Nothing is sent: connecting a datagram socket only chooses a route.
    let anywhere = SocketAddr::from(([192, 0, 2, 1], 9));
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(anywhere).ok()?;
    match socket.local_addr().ok()?.ip() {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_parsed() {
        let cidr: Cidr = "10.1.0.0/16".parse().unwrap();
        assert!(cidr.contains(Ipv4Addr::new(10, 1, 255, 1)) && !cidr.is_whole_internet());
        assert!(!cidr.contains(Ipv4Addr::new(10, 2, 0, 1)));
        assert_eq!(cidr.to_string(), "10.1.0.0/16");
        assert_eq!(Cidr::of(Ipv4Addr::new(203, 0, 113, 7)).to_string(), "203.0.113.7/32");
        for world in ["0.0.0.0/0", "128.0.0.0/1", "64.0.0.0/7"] {
            assert!(world.parse::<Cidr>().unwrap().is_whole_internet(), "{world}");
        }
        assert!("0.0.0.0/0".parse::<Cidr>().unwrap().contains(Ipv4Addr::LOCALHOST));
        for bad in ["", "10.0.0.1", "10.0.0.1/33", "10.0.0.1/8", "::/0", "10.0.0/8", "a/8"] {
            let error = bad.parse::<Cidr>().unwrap_err().to_string();
            assert!(error.contains("203.0.113.7/32"), "{bad}: {error}");
        }
    }
}
