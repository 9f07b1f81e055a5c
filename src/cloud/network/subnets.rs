//! Lookup of the VPC of a workgroup from its subnets.
//!
//! Source: Amazon EC2 API Reference, DescribeSubnets.

use serde::Deserialize;

use crate::cloud::clients::Clients;
use crate::cloud::ec2::{Request, Set};
use crate::cloud::error::CloudError;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Subnets {
    subnet_set: Set<Subnet>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Subnet {
    subnet_id: String,
    vpc_id: String,
}

/// Returns the request that finds subnets by their IDs.
pub fn find_subnets(ids: &[String]) -> Request {
    ids.iter().zip(1..).fold(Request::new("ec2:DescribeSubnets"), |request, (id, n): (_, usize)| {
        request.with(format!("SubnetId.{n}"), id)
    })
}

/// Returns the ID of the VPC that contains all these subnets.
///
/// # Errors
///
/// Returns an error if a subnet does not exist or is not in the VPC of the first, or if AWS rejects the
/// request or cannot be reached.
pub async fn network_of(clients: &Clients, ids: &[String]) -> Result<String, CloudError> {
    let found: Result<Subnets, _> = clients.ec2.send(&find_subnets(ids)).await;
    let found = match found {
        Err(error) if error.is("InvalidSubnetID.NotFound") => {
            return Err(CloudError::NoSubnet(ids.join(", ")));
        }
        found => found.map_err(|e| e.during("look up the subnets"))?.subnet_set.item,
    };
    let mut network: Option<&str> = None;
    for id in ids {
        let subnet = found.iter().find(|subnet| subnet.subnet_id == *id);
        let subnet = subnet.ok_or_else(|| CloudError::NoSubnet(id.clone()))?;
        if *network.get_or_insert(&subnet.vpc_id) != subnet.vpc_id {
            return Err(CloudError::NoSubnet(id.clone()));
        }
    }
    network.map(str::to_owned).ok_or_else(|| CloudError::NoSubnet(String::new()))
}
