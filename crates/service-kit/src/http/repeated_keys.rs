//! Keys that are there twice in a JSON object. Readers disagree about which of the two counts (RFC
//! 8259, 4), so the body is refused.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};

/// The JSON pointer of the first key that its object already has, at any depth.
///
/// # Errors
/// When the text is not JSON.
pub(crate) fn repeated_key(json: &[u8]) -> Result<Option<String>, serde_json::Error> {
    let mut search = Search::default();
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    Inside(&mut search).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(search.found)
}

/// The path to where the search is, and what it has found.
#[derive(Default)]
struct Search<'de> {
    path: Vec<Step<'de>>,
    found: Option<String>,
}

enum Step<'de> {
    Key(Cow<'de, str>),
    Index(usize),
}

impl Search<'_> {
    /// The path as RFC 6901 writes it.
    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in &self.path {
            pointer.push('/');
            match step {
                Step::Key(key) => pointer += &key.replace('~', "~0").replace('/', "~1"),
                Step::Index(index) => pointer += &index.to_string(),
            }
        }
        pointer
    }
}

/// Searches one value.
struct Inside<'a, 'de>(&'a mut Search<'de>);

impl<'de> DeserializeSeed<'de> for Inside<'_, 'de> {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Inside<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self(search) = self;
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key_seed(Key)? {
            search.path.push(Step::Key(key.clone()));
            if !keys.insert(key) && search.found.is_none() {
                search.found = Some(search.pointer());
            }
            map.next_value_seed(Inside(search))?;
            search.path.pop();
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Self(search) = self;
        for index in 0.. {
            search.path.push(Step::Index(index));
            let element = seq.next_element_seed(Inside(search))?;
            search.path.pop();
            if element.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

/// Reads a key, without a copy unless it contains an escape.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: de::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn repeated_key_is_found_at_every_depth() {
        for (json, pointer) in [
            (
                r#"{"a": 1, "b": {"a": 1}, "c": [{"a": 1}, {"a": 1}]}"#,
                None,
            ),
            (r#"{"a": 1, "a": 1}"#, Some("/a")),
            (r#"{"a": {"b": [0, {"c": 1, "c": 2}]}}"#, Some("/a/b/1/c")),
            (r#"[[], [{"x": null, "x": null}]]"#, Some("/1/0/x")),
            // Escapes write the same key.
            (r#"{"a": 1, "\u0061": 2}"#, Some("/a")),
            (r#"{"a/b~c": 1, "a/b~c": 2}"#, Some("/a~1b~0c")),
            (r#"{"": 1, "": 2}"#, Some("/")),
            (r#"{"a": 1, "b": {"x": 1, "x": 2}, "a": 1}"#, Some("/b/x")),
            ("7", None),
        ] {
            assert_eq!(
                repeated_key(json.as_bytes()).unwrap().as_deref(),
                pointer,
                "{json}"
            );
        }
    }

    #[test]
    fn deep_nesting_is_refused_as_by_serde() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        assert!(repeated_key(deep.as_bytes()).is_err());
    }

    #[test]
    fn many_keys_take_the_time_of_one_pass() {
        let many: Vec<String> = (0..20_000)
            .map(|number| format!("\"{number}\":0"))
            .collect();
        let json = format!("{{{},\"7\":0}}", many.join(","));
        assert_eq!(
            repeated_key(json.as_bytes()).unwrap().as_deref(),
            Some("/7")
        );
    }

    /// JSON of objects with few different keys, and whether one of them is repeated.
    fn json() -> impl Strategy<Value = (String, bool)> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            any::<i64>().prop_map(|number| number.to_string()),
            any::<f64>().prop_map(|number| serde_json::to_string(&number).unwrap()),
            any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        ]
        .prop_map(|text| (text, false));
        leaf.prop_recursive(4, 24, 4, |inner| {
            let list = prop::collection::vec(inner.clone(), 0..4).prop_map(|items| {
                let texts: Vec<&str> = items.iter().map(|(text, _)| text.as_str()).collect();
                let repeats = items.iter().any(|(_, repeats)| *repeats);
                (format!("[{}]", texts.join(" , ")), repeats)
            });
            let object = prop::collection::vec(("[a-e]", inner), 0..4).prop_map(|fields| {
                let mut keys = HashSet::new();
                let mut repeats = false;
                let mut texts = Vec::new();
                for (key, (text, within)) in &fields {
                    repeats |= within | !keys.insert(key);
                    texts.push(format!("\"{key}\": {text}"));
                }
                (format!("{{{}}}", texts.join(",")), repeats)
            });
            prop_oneof![list, object]
        })
    }

    proptest! {
        #[test]
        fn json_is_refused_only_for_a_repeated_key((json, repeats) in json()) {
            prop_assert_eq!(repeated_key(json.as_bytes()).unwrap().is_some(), repeats, "{}", json);
        }

        #[test]
        fn text_is_json_for_the_search_if_it_is_for_serde(
            (json, _) in json(),
            at in any::<prop::sample::Index>(),
            byte in prop_oneof![Just(b'"'), Just(b'\\'), Just(b'}'), Just(b','), any::<u8>()],
        ) {
            let mut bytes = json.into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let serde = serde_json::from_slice::<Value>(&bytes);
            let search = repeated_key(&bytes);
            prop_assert_eq!(search.is_ok(), serde.is_ok());
            if let (Err(search), Err(serde)) = (search, serde) {
                prop_assert_eq!((search.line(), search.column()), (serde.line(), serde.column()));
            }
        }
    }
}
