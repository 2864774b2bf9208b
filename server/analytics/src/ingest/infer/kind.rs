//! Kinds of values, and the narrowest ClickHouse type that holds all of a
//! column's.

/// Beyond this a Float32 has no room for every whole number.
const EXACT_IN_FLOAT32: f64 = 8_388_608.0;
/// Beyond this a Float64 has none either.
const EXACT_IN_FLOAT64: f64 = 4_503_599_627_370_496.0;

/// Words for true and false that ClickHouse reads as well. Of single letters
/// nobody knows what they stand for.
const BOOLEANS: [&str; 6] = ["true", "false", "yes", "no", "on", "off"];

/// What values are, as far as they were seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Kind {
    /// There was none.
    #[default]
    Unknown,
    Boolean,
    /// Whole numbers from the first to the second.
    Integer(i128, i128),
    /// Numbers of this magnitude at most.
    Float(f64),
    Date,
    DateTime,
    /// With fractions of a second.
    DateTime64,
    /// Anything else.
    Text,
}

impl Kind {
    /// What a text is, as CSV has all of its values.
    pub(super) fn of_text(text: &str) -> Self {
        let text = text.trim();
        if text.is_empty() || text == "\\N" {
            return Self::Unknown;
        }
        if BOOLEANS.iter().any(|word| text.eq_ignore_ascii_case(word)) {
            return Self::Boolean;
        }
        match Self::of_number(text) {
            Self::Text => Self::of_time(text),
            number => number,
        }
    }

    /// What the text of a number is. With zeros in front it is a code, which
    /// would lose them.
    pub(super) fn of_number(text: &str) -> Self {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_code = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
        if is_code || !digits.starts_with(|first: char| first.is_ascii_digit()) {
            return Self::Text;
        }
        if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return match text.parse() {
                Ok(number) => Self::Integer(number, number),
                Err(_) => Self::Text,
            };
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Self::Float(number.abs()),
            _ => Self::Text,
        }
    }

    /// A date or a time of day with its date, or any text.
    pub(super) fn of_time(text: &str) -> Self {
        let text = text.trim();
        // `2025-01-02` is a date; `2025/01/02` is not, to ClickHouse.
        if is_like(text, "9999-99-99") {
            return Self::Date;
        }
        let Some((moment, rest)) = text.split_at_checked(19) else {
            return Self::Text;
        };
        let is_moment = ["9999?99?99T99:99:99", "99?99?9999T99:99:99"]
            .iter()
            .any(|pattern| is_like(moment, pattern));
        let rest = rest.strip_suffix('Z').unwrap_or(rest);
        match rest.strip_prefix('.') {
            _ if !is_moment => Self::Text,
            None if rest.is_empty() => Self::DateTime,
            Some(fraction)
                if (1..=9).contains(&fraction.len())
                    && fraction.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                Self::DateTime64
            }
            _ => Self::Text,
        }
    }

    /// What holds both.
    pub(super) fn or(self, other: Self) -> Self {
        use Kind::{DateTime, DateTime64, Float, Integer, Text, Unknown};
        match (self, other) {
            (Unknown, kind) | (kind, Unknown) => kind,
            (Integer(low, high), Integer(lower, higher)) => {
                Integer(low.min(lower), high.max(higher))
            }
            (Float(left), Float(right)) => Float(left.max(right)),
            (Integer(low, high), Float(other)) | (Float(other), Integer(low, high)) =>
            {
                #[expect(clippy::cast_precision_loss, reason = "a magnitude is enough")]
                Float(other.max(low.unsigned_abs().max(high.unsigned_abs()) as f64))
            }
            (DateTime | DateTime64, DateTime64) | (DateTime64, DateTime) => DateTime64,
            (left, right) if left == right => left,
            _ => Text,
        }
    }

    /// The ClickHouse type. Whole numbers have a sign, as long as they fit:
    /// the next one may be negative.
    pub(super) fn data_type(&self) -> &'static str {
        let (low, high) = match self {
            Self::Integer(low, high) => (*low, *high),
            Self::Boolean => return "Bool",
            Self::Date => return "Date",
            Self::DateTime => return "DateTime",
            Self::DateTime64 => return "DateTime64(3)",
            Self::Float(most) if *most < EXACT_IN_FLOAT32 => return "Float32",
            Self::Float(most) if *most < EXACT_IN_FLOAT64 => return "Float64",
            Self::Float(_) | Self::Unknown | Self::Text => return "String",
        };
        let fits = |least: i128, most: i128| low >= least && high <= most;
        if fits(i16::MIN.into(), i16::MAX.into()) {
            "Int16"
        } else if fits(i32::MIN.into(), i32::MAX.into()) {
            "Int32"
        } else if fits(i64::MIN.into(), i64::MAX.into()) {
            "Int64"
        } else if fits(0, u64::MAX.into()) {
            "UInt64"
        } else {
            "Int128"
        }
    }
}

/// Whether a text has digits where the pattern has nines, a space or `T` where
/// it has `T`, any mark where it has a question mark, and else the same.
fn is_like(text: &str, pattern: &str) -> bool {
    let fits = |(character, wanted): (u8, u8)| match wanted {
        b'9' => character.is_ascii_digit(),
        b'?' => character.is_ascii_punctuation(),
        b'T' => matches!(character, b'T' | b' '),
        _ => character == wanted,
    };
    text.len() == pattern.len() && text.bytes().zip(pattern.bytes()).all(fits)
}
