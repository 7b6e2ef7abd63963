//! Enums whose values are written as text, in JSON and in the database.

use std::fmt;

/// Declares an enum together with its texts: `ALL`, `as_str`, `FromStr`, `TryFrom<String>`, and
/// serde names equal to the texts. The calling crate needs serde.
///
/// ```
/// events::text_enum! {
///     /// How urgent a task is.
///     pub enum Urgency {
///         /// Within the day.
///         High = "high",
///         /// At any time.
///         Low = "low",
///     }
/// }
///
/// assert_eq!(Urgency::High.as_str(), "high");
/// assert_eq!("low".parse(), Ok(Urgency::Low));
/// assert_eq!(Urgency::ALL.map(Urgency::as_str), ["high", "low"]);
/// ```
#[macro_export]
macro_rules! text_enum {
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $name:ident {
            $($(#[$variant_attribute:meta])* $variant:ident = $text:tt),+ $(,)?
        }
    ) => {
        $(#[$attribute])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize,
        )]
        $visibility enum $name {
            $($(#[$variant_attribute])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// Every value, in the order of declaration.
            $visibility const ALL: [Self; [$($text),+].len()] = [$(Self::$variant),+];

            /// The value as it is written in JSON and in the database.
            $visibility const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownText;

            fn from_str(text: &str) -> Result<Self, $crate::UnknownText> {
                let found = Self::ALL.into_iter().find(|value| value.as_str() == text);
                found.ok_or($crate::UnknownText(&[$($text),+]))
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::UnknownText;

            fn try_from(text: String) -> Result<Self, $crate::UnknownText> {
                text.parse()
            }
        }
    };
}

/// A text that is not a value of a [`text_enum!`](crate::text_enum!), with the valid values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownText(pub &'static [&'static str]);

impl fmt::Display for UnknownText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected one of {}", self.0.join(", "))
    }
}

impl std::error::Error for UnknownText {}
