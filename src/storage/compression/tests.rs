use std::io::Write;

use proptest::prelude::*;

use super::*;

/// Decompresses an object in chunks, cycling through `sizes`.
fn decompress(compression: Compression, stored: &[u8], sizes: &[usize]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut take = |plain: &[u8]| {
        out.extend_from_slice(plain);
        io::Result::Ok(())
    };
    let mut decompressor = Decompressor::new(compression);
    let mut rest = stored;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, after) = rest.split_at((*size).clamp(1, rest.len()));
        decompressor.feed(chunk, &mut take)?;
        rest = after;
    }
    decompressor.finish(&mut take)?;
    Ok(out)
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    zstd::encode_all(plain, 1).unwrap()
}

fn utf16(text: &str, big_endian: bool) -> Vec<u8> {
    let bytes = |unit: u16| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() };
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(bytes).collect()
}

fn text(length: usize) -> Vec<u8> {
    (0..length).map(|i| b"{\"a\":\"0123456789\"}\n"[i * 7 % 19]).collect()
}

const SKIPPABLE: &[u8] = b"\x53\x2a\x4d\x18\x03\0\0\0abc";

#[test]
fn whole_objects_in_any_chunks_and_several_frames() {
    let plain: Vec<u8> = (0..300_000_u32).flat_map(|i| (i / 7).to_le_bytes()).skip(8).collect();
    for one in [gzip(&plain), zstd(&plain)] {
        let two = [&one[..], &one[..]].concat();
        for chunk in [1, 1000, usize::MAX] {
            // The name does not matter.
            for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
                assert!(decompress(compression, &one, &[chunk]).unwrap() == plain);
            }
            let read = decompress(Compression::None, &two, &[chunk]).unwrap();
            assert_eq!(read.len(), 2 * plain.len());
        }
    }
}

#[test]
fn sizes_around_those_of_buffers() {
    for size in [65_536, 131_072, 1 << 20, 8 << 20] {
        for size in [size - 1, size, size + 1] {
            let plain = text(size);
            for stored in [zstd(&plain), gzip(&plain), plain.clone()] {
                for chunk in [7_919, 65_536, usize::MAX] {
                    let read = decompress(Compression::None, &stored, &[chunk]).unwrap();
                    assert!(read == plain, "{size} in chunks of {chunk}");
                }
            }
            let two = [zstd(&plain), SKIPPABLE.to_vec(), zstd(&plain)].concat();
            let read = decompress(Compression::Zstd, &two, &[usize::MAX]).unwrap();
            assert_eq!(read.len(), 2 * size);
        }
    }
}

#[test]
fn a_truncated_object_is_an_error() {
    for (compression, whole) in [
        (Compression::Gzip, gzip(b"some text, some text")),
        (Compression::Zstd, zstd(b"some text, some text")),
    ] {
        for end in 1..whole.len() {
            for chunk in [1, 7, usize::MAX] {
                let cut = decompress(compression, &whole[..end], &[chunk]);
                assert!(cut.is_err(), "{compression:?} cut at {end} of {}", whole.len());
            }
            let second = [&whole[..], &whole[..end]].concat();
            assert!(decompress(compression, &second, &[5]).is_err(), "{compression:?}, second");
        }
    }
}

#[test]
fn a_damaged_object_is_an_error() {
    let plain = text(10_000);
    let mut stored = gzip(&plain);
    let checksum = stored.len() - 6;
    stored[checksum] ^= 1;
    assert!(decompress(Compression::Gzip, &stored, &[100]).is_err());
}

#[test]
fn empty_objects_are_empty_whatever_their_name() {
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        for stored in [vec![], gzip(b""), zstd(b""), SKIPPABLE.to_vec(), b"\xff\xfe".to_vec()] {
            assert_eq!(decompress(compression, &stored, &[1]).unwrap(), b"", "{stored:?}");
        }
    }
}

#[test]
fn uncompressed_bytes_are_read_unchanged() {
    for plain in
        [&b"{\"a\":1}\n"[..], b"(x", b"P", b"not JSON", b"\xef\xbb\xbf{}", b"\0\0", b"\xff"]
    {
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            for chunk in [1, 2, usize::MAX] {
                assert_eq!(decompress(compression, plain, &[chunk]).unwrap(), plain);
            }
        }
    }
}

#[test]
fn zeros_may_follow_a_gzip_member_and_nothing_else() {
    let member = gzip(b"text");
    let after =
        |bytes: &[u8], chunk| decompress(Compression::Gzip, &[&member, bytes].concat(), &[chunk]);
    for chunk in [1, 3, usize::MAX] {
        assert_eq!(after(&[0; 1000], chunk).unwrap(), b"text");
        assert_eq!(after(&[&[0; 9], &member[..]].concat(), chunk).unwrap(), b"texttext");
        for garbage in [&b"{}"[..], b"\0\0{}", b"\x1f", b"\x1f\x1f", b"\x1f\0", b"\0\x1f"] {
            let error = after(garbage, chunk).unwrap_err().to_string();
            assert!(error.contains("after its gzip data"), "{garbage:?}: {error}");
        }
    }
}

#[test]
fn utf16_becomes_utf8() {
    let text = "{\"title\":\"Für Élise 日本 🎵\"}\r\n";
    for big_endian in [false, true] {
        let bytes = utf16(text, big_endian);
        for stored in [bytes.clone(), gzip(&bytes), zstd(&bytes)] {
            for chunk in [1, 2, 3, 5, 7, usize::MAX] {
                let read = decompress(Compression::None, &stored, &[chunk]).unwrap();
                assert_eq!(String::from_utf8(read).unwrap(), text);
            }
        }
        for end in (3..bytes.len()).step_by(2) {
            assert!(decompress(Compression::None, &bytes[..end], &[2]).is_err(), "{end}");
        }
    }
}

#[test]
fn an_unpaired_surrogate_becomes_an_invalid_byte() {
    let units = [0xfeff, 0x7b, 0xd83c, 0x7d, 0x0a, 0xdfb5, 0x0a, 0xd83c];
    let bytes: Vec<u8> = units.iter().flat_map(|unit: &u16| unit.to_le_bytes()).collect();
    for chunk in [1, 3, usize::MAX] {
        let read = decompress(Compression::None, &bytes, &[chunk]).unwrap();
        assert_eq!(read, b"{\xff}\n\xff\n\xff");
    }
}

#[test]
fn other_formats_are_named() {
    for (stored, named) in [
        (b"PK\x03\x04\x14\0\0\0".to_vec(), "a zip archive"),
        (b"PAR1\x15\x04\x15\x10".to_vec(), "a Parquet file"),
        (b"\xfd7zXZ\0\0\x04".to_vec(), "xz"),
        (gzip(&gzip(b"{}")), "compressed twice"),
        (zstd(b"ORC\x08\x03\x10\x01"), "an ORC file"),
    ] {
        for chunk in [1, usize::MAX] {
            let error = decompress(Compression::None, &stored, &[chunk]).unwrap_err();
            assert!(error.to_string().contains(named), "{error}");
        }
    }
}

#[test]
fn large_windows_are_reported_and_bounded_by_the_first_frame() {
    let with_window = |log| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(log).unwrap();
        encoder.write_all(&text(100)).unwrap();
        encoder.finish().unwrap()
    };
    let (small, large) = (with_window(20), with_window(27));
    assert_eq!(Decompressor::large_window(&small), None);
    assert_eq!(Decompressor::large_window(&large), Some(1 << 27));
    let read = |frames: &[&[u8]]| decompress(Compression::Zstd, &frames.concat(), &[11]);
    assert_eq!(read(&[&large, &small, &large]).unwrap().len(), 300);
    let by_bytes = decompress(Compression::Zstd, &large, &[1]);
    assert_eq!(by_bytes.unwrap().len(), 100, "the header arrives in pieces");
    let error = read(&[&small, &large]).unwrap_err().to_string();
    assert!(error.contains("larger window than the first"), "{error}");
}

#[test]
fn names() {
    assert_eq!(Compression::of_json("a.json"), Some(Compression::None));
    assert_eq!(Compression::of_json("a.NDJSON.GZ"), Some(Compression::Gzip));
    assert_eq!(Compression::of_json("a.jsonl.zst"), Some(Compression::Zstd));
    assert_eq!(Compression::of_json("a.csv.gz"), None);
    assert_eq!(Compression::of_json("json"), None);
    assert_eq!(Compression::of_json("json.gz"), None);
}

/// A piece of an object: its stored bytes and its plain text.
fn piece() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let lengths = prop_oneof![0..300_usize, 65_530..65_540_usize, Just(131_072_usize)];
    (lengths, 0..3_u8).prop_map(|(length, kind)| {
        let plain = text(length);
        match kind {
            0 => (zstd(&plain), plain),
            1 => (zstd::bulk::compress(&plain, 3).unwrap(), plain),
            _ => (SKIPPABLE.to_vec(), Vec::new()),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_frames_in_any_chunks(
        pieces in prop::collection::vec(piece(), 1..5),
        sizes in prop::collection::vec(1..70_000_usize, 1..6),
    ) {
        let stored: Vec<u8> = pieces.iter().flat_map(|(stored, _)| stored.clone()).collect();
        let plain: Vec<u8> = pieces.iter().flat_map(|(_, plain)| plain.clone()).collect();
        prop_assert!(decompress(Compression::None, &stored, &sizes).unwrap() == plain);
    }

    #[test]
    fn any_members_in_any_chunks(
        lengths in prop::collection::vec(0..70_000_usize, 1..5),
        padding in 0..40_usize,
        sizes in prop::collection::vec(1..70_000_usize, 1..6),
    ) {
        let padded = |length: &usize| [gzip(&text(*length)), vec![0; padding]].concat();
        let stored: Vec<u8> = lengths.iter().flat_map(padded).collect();
        let plain: Vec<u8> = lengths.iter().flat_map(|length| text(*length)).collect();
        prop_assert!(decompress(Compression::None, &stored, &sizes).unwrap() == plain);
    }

    #[test]
    fn any_text_in_utf16(
        words in "[ -~¡-ÿ☃🎵𝄞]{0,60}",
        big_endian: bool,
        sizes in prop::collection::vec(1..9_usize, 1..6),
    ) {
        let read = decompress(Compression::Gzip, &utf16(&words, big_endian), &sizes).unwrap();
        // After a byte order mark, leading NUL characters would look like UTF-32.
        prop_assert_eq!(String::from_utf8(read).unwrap(), words);
    }
}
