//! Amounts in KRW, as they are said.

/// Groups of four digits, the greatest first.
const UNITS: [(i64, &str); 3] = [
    (1_000_000_000_000, "조"),
    (100_000_000, "억"),
    (10_000, "만"),
];

/// `1억 2,000만 원`.
pub(super) fn in_korean(amount: i64) -> String {
    let mut rest = amount;
    let mut parts = Vec::new();
    for (unit, name) in UNITS {
        if rest >= unit {
            parts.push(with_commas(rest / unit) + name);
            rest %= unit;
        }
    }
    if rest > 0 || parts.is_empty() {
        parts.push(with_commas(rest) + "원");
    } else {
        parts.push("원".to_owned());
    }
    parts.join(" ")
}

/// `KRW 120,000,000`.
pub(super) fn in_english(amount: i64) -> String {
    format!("KRW {}", with_commas(amount))
}

fn with_commas(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && digit.is_ascii_digit() && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amount_is_said_in_groups_of_four_digits() {
        for (amount, korean, english) in [
            (9_000, "9,000원", "KRW 9,000"),
            (15_000_000, "1,500만 원", "KRW 15,000,000"),
            (15_505_000, "1,550만 5,000원", "KRW 15,505,000"),
            (120_000_000, "1억 2,000만 원", "KRW 120,000,000"),
            (30_000_000_000, "300억 원", "KRW 30,000,000,000"),
            (1_200_000_000_000, "1조 2,000억 원", "KRW 1,200,000,000,000"),
        ] {
            assert_eq!(in_korean(amount), korean);
            assert_eq!(in_english(amount), english);
        }
    }
}
