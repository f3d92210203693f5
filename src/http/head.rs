//! Where an answer begins: `1xx` heads come before it and answer nothing.

/// The length of a complete `1xx` head at the start of `input`.
pub(super) fn interim(input: &[u8]) -> Option<usize> {
    if !(input.len() > 12 && input.starts_with(b"HTTP/1.") && input[9] == b'1') {
        return None;
    }
    input.windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4)
}

/// Whether a complete head that is not a `1xx` one stands at the start of `input`.
pub(super) fn is_whole_final_head(input: &[u8]) -> bool {
    is_final(input) && interim(input).is_none() && input.windows(4).any(|end| end == b"\r\n\r\n")
}

/// Whether anything stands behind the complete `1xx` heads at the start of `input`.
pub(super) fn has_begun(mut input: &[u8]) -> bool {
    while let Some(length) = interim(input) {
        input = &input[length..];
    }
    !input.is_empty()
}

/// Whether `input` is, as far as it goes, the beginning of something else than a `1xx` head.
pub(super) fn is_final(mut input: &[u8]) -> bool {
    while let Some(length) = interim(input) {
        input = &input[length..];
    }
    input.len() > 9 && !(input.starts_with(b"HTTP/1.") && input[9] == b'1')
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";

    #[test]
    fn interim_heads_are_told_from_the_answer() {
        // input, begun, final, whole
        let table = [
            ("", false, false, false),
            ("H", true, false, false),
            ("HTTP/1.1 1", true, false, false),
            ("HTTP/1.1 100 Continue\r\n", true, false, false),
            (CONTINUE, false, false, false),
            ("HTTP/1.1 4", true, true, false),
            ("HTTP/1.1 403 No\r\nA: b\r\n", true, true, false),
            ("HTTP/1.1 403 No\r\nA: b\r\n\r\n", true, true, true),
            ("220 smtp.example ready", true, true, false),
        ];
        for (input, begun, last, whole) in table {
            let bytes = input.as_bytes();
            assert_eq!(
                (has_begun(bytes), is_final(bytes), is_whole_final_head(bytes)),
                (begun, last, whole),
                "{input}"
            );
        }
        let both = format!("{CONTINUE}HTTP/1.1 200 OK\r\n\r\n");
        assert_eq!(interim(both.as_bytes()), Some(CONTINUE.len()));
        assert!(has_begun(both.as_bytes()) && is_final(both.as_bytes()));
    }
}
