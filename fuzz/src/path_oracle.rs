//! Three readings of a request target, as three kinds of servers read it, and a fourth that decodes as often as it can.
//! Each gives the segments of the path, or `None` if such a server refuses it.

/// RFC 3986 section 6.2.2: unreserved characters are decoded, dot segments are removed, then each segment is decoded.
pub fn rfc3986(target: &[u8]) -> Option<Vec<Vec<u8>>> {
    let path = before(target, b"?#");
    let mut normal = Vec::new();
    let mut rest = path;
    while let Some((byte, after)) = rest.split_first() {
        match escape(rest) {
            Some(value) if value.is_ascii_alphanumeric() || b"-._~".contains(&value) => {
                normal.push(value);
                rest = &rest[3..];
            }
            _ => {
                normal.push(*byte);
                rest = after;
            }
        }
    }
    let segments = resolved(normal.strip_prefix(b"/")?, false)?;
    segments
        .into_iter()
        .map(|segment| Some(decode(&segment)))
        .collect()
}

/// Like nginx with `merge_slashes on`: the whole path is decoded, then slashes are merged and dot segments resolved.
pub fn merging(target: &[u8]) -> Option<Vec<Vec<u8>>> {
    let decoded = decode(before(target, b"?#"));
    resolved(decoded.strip_prefix(b"/")?, true)
}

/// Like a servlet container: parameters after `;` are cut off each segment, the rest is decoded, `\` is a slash.
pub fn servlet(target: &[u8]) -> Option<Vec<Vec<u8>>> {
    let path = before(target, b"?").strip_prefix(b"/")?;
    let cut: Vec<&[u8]> = path
        .split(|byte| *byte == b'/')
        .map(|segment| before(segment, b";"))
        .collect();
    let decoded = decode(&cut.join(&b'/'));
    resolved(&with_slashes(&decoded), true)
}

/// Decodes until nothing changes; then `\` is a slash, and every delimiter ends a segment's name.
pub fn suspicious(target: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut path = before(target, b"?").to_vec();
    loop {
        let decoded = decode(&path);
        if decoded == path {
            break;
        }
        path = decoded;
    }
    let path = with_slashes(&path);
    let cut: Vec<&[u8]> = path
        .strip_prefix(b"/")?
        .split(|byte| *byte == b'/')
        .map(|segment| before(segment, b";?#"))
        .collect();
    resolved(&cut.join(&b'/'), true)
}

/// The segments below the root, without dot segments and without one trailing slash.
fn resolved(below_root: &[u8], merges_slashes: bool) -> Option<Vec<Vec<u8>>> {
    let mut segments: Vec<Vec<u8>> = Vec::new();
    let raw: Vec<&[u8]> = below_root.split(|byte| *byte == b'/').collect();
    for (number, segment) in raw.iter().enumerate() {
        match *segment {
            b"." => {}
            b".." => drop(segments.pop()?),
            b"" if merges_slashes || number + 1 == raw.len() => {}
            segment => segments.push(segment.to_vec()),
        }
    }
    Some(segments)
}

fn before<'a>(text: &'a [u8], ends: &[u8]) -> &'a [u8] {
    let end = text.iter().position(|byte| ends.contains(byte));
    &text[..end.unwrap_or(text.len())]
}

fn with_slashes(path: &[u8]) -> Vec<u8> {
    path.iter()
        .map(|byte| if *byte == b'\\' { b'/' } else { *byte })
        .collect()
}

fn decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        if let Some(value) = escape(rest) {
            decoded.push(value);
            rest = &rest[3..];
        } else {
            decoded.push(*byte);
            rest = after;
        }
    }
    decoded
}

/// The value of the escape with which the text begins.
fn escape(text: &[u8]) -> Option<u8> {
    match text {
        [b'%', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
            let digits = [*high, *low];
            u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()
        }
        _ => None,
    }
}
