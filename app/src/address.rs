//! Texts in addresses.

/// Percent-encodes what would end or change a value in a query string.
pub(crate) fn escape(text: &str) -> String {
    const HEX: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.extend([
                '%',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn return_addresses_survive_the_query_string() {
        assert_eq!(
            escape("/dashboard?period=7d&x=ü"),
            "/dashboard%3Fperiod%3D7d%26x%3D%C3%BC"
        );
    }
}
