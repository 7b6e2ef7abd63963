//! The query string.

use std::collections::{BTreeMap, btree_map};
use std::fmt;

use axum::extract::{FromRequestParts, Query as Pairs};
use axum::http::request::Parts;
use serde::Deserializer;
use serde::de::value::{MapAccessDeserializer, SeqDeserializer, StringDeserializer};
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, Visitor};

use crate::http::fields::MAX_EXPLANATION_LENGTH;
use crate::http::problem::{Problem, Text, invalid_query};

/// The query string. For an optional parameter, an empty value counts as absent: forms send their
/// empty fields, too. A list is read from a parameter that is there several times; another one that
/// is there twice is refused, and an unknown one ignored.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Pairs(pairs): Pairs<Vec<(String, String)>> = Pairs::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Invalid::Whole(rejection.body_text()).problem())?;
        let parameters = Parameters {
            rest: by_name(pairs).into_iter(),
            next: None,
        };
        T::deserialize(MapAccessDeserializer::new(parameters))
            .map(Self)
            .map_err(Invalid::problem)
    }
}

/// The values of each parameter.
fn by_name(pairs: Vec<(String, String)>) -> BTreeMap<String, Vec<String>> {
    let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in pairs {
        parameters.entry(name).or_default().push(value);
    }
    parameters
}

/// Why a query string cannot be read.
#[derive(Debug)]
enum Invalid {
    Missing(&'static str),
    Repeated(String),
    /// The name of the parameter, and serde's text.
    Value(String, String),
    /// Serde's text.
    Whole(String),
}

impl Invalid {
    /// 422. The English detail is serde's text, which may quote the value.
    fn problem(self) -> Problem {
        let (ko, mut en) = match self {
            Self::Missing(name) => (
                format!("조회 조건 {name} 값을 보내 주세요"),
                format!("{name} is missing"),
            ),
            Self::Repeated(name) => (
                format!("조회 조건 {name} 값은 하나만 보내 주세요"),
                format!("{name} is there more than once"),
            ),
            Self::Value(name, reason) => (
                format!("조회 조건 {name} 값을 읽을 수 없습니다"),
                format!("{name}: {reason}"),
            ),
            Self::Whole(reason) => ("조회 조건을 읽을 수 없습니다".to_owned(), reason),
        };
        if let Some((end, _)) = en.char_indices().nth(MAX_EXPLANATION_LENGTH) {
            en.truncate(end);
        }
        invalid_query(Text::new(ko, en))
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Invalid {}

impl de::Error for Invalid {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::Whole(reason.to_string())
    }

    fn missing_field(name: &'static str) -> Self {
        Self::Missing(name)
    }

    fn duplicate_field(name: &'static str) -> Self {
        Self::Repeated(name.to_owned())
    }
}

/// The decoded parameters, as a map for serde.
struct Parameters {
    rest: btree_map::IntoIter<String, Vec<String>>,
    next: Option<(String, Vec<String>)>,
}

impl<'de> MapAccess<'de> for Parameters {
    type Error = Invalid;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Invalid> {
        self.next = self.rest.next();
        let Some((name, _)) = &self.next else {
            return Ok(None);
        };
        let name: StringDeserializer<Invalid> = name.clone().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Invalid> {
        let (name, texts) = self.next.take().unwrap_or_default();
        let value = Value { name: &name, texts };
        let value = seed.deserialize(value);
        value.map_err(|error| match error {
            Invalid::Whole(reason) => Invalid::Value(name, reason),
            other => other,
        })
    }
}

/// The value of a parameter, or the values of a repeated one.
struct Value<'a> {
    name: &'a str,
    texts: Vec<String>,
}

impl Value<'_> {
    /// The only one.
    fn text(mut self) -> Result<String, Invalid> {
        match self.texts.len() {
            0 | 1 => Ok(self.texts.pop().unwrap_or_default()),
            _ => Err(Invalid::Repeated(self.name.to_owned())),
        }
    }
}

impl IntoDeserializer<'_, Invalid> for Value<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Methods that parse the text.
macro_rules! parse {
    ($($method:ident => $visit:ident),+ $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Invalid> {
            visitor.$visit(self.text()?.parse().map_err(de::Error::custom)?)
        }
    )+};
}

impl<'de> Deserializer<'de> for Value<'_> {
    type Error = Invalid;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Invalid> {
        visitor.visit_string(self.text()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Invalid> {
        if self.texts.len() == 1 && self.texts.iter().all(String::is_empty) {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Invalid> {
        let Self { name, texts } = self;
        let values = texts.into_iter().filter(|text| !text.is_empty());
        let values = values.map(|text| Value {
            name,
            texts: vec![text],
        });
        visitor.visit_seq(SeqDeserializer::new(values))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Invalid> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Invalid> {
        visitor.visit_enum(self.text()?.into_deserializer())
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Invalid> {
        visitor.visit_unit()
    }

    parse! {
        deserialize_bool => visit_bool,
        deserialize_i8 => visit_i8,
        deserialize_i16 => visit_i16,
        deserialize_i32 => visit_i32,
        deserialize_i64 => visit_i64,
        deserialize_u8 => visit_u8,
        deserialize_u16 => visit_u16,
        deserialize_u32 => visit_u32,
        deserialize_u64 => visit_u64,
        deserialize_f32 => visit_f32,
        deserialize_f64 => visit_f64,
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct
        identifier
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::Request;
    use serde::Deserialize;
    use uuid::Uuid;

    use super::*;
    use crate::http::Date;
    use crate::http::problem::Language;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Order {
        Newest,
        ByName,
    }

    #[derive(Debug, Deserialize)]
    struct ListQuery {
        q: Option<String>,
        limit: Option<u32>,
        open: Option<bool>,
        order: Option<Order>,
        id: Option<Uuid>,
        day: Option<Date>,
        #[serde(default)]
        orders: Vec<Order>,
    }

    async fn read<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
        let request = Request::get(format!("/?{query}")).body(()).unwrap();
        let mut parts = request.into_parts().0;
        let read = Query::<T>::from_request_parts(&mut parts, &()).await;
        read.map(|query| query.0)
    }

    #[tokio::test]
    async fn every_kind_of_value_is_read() {
        let id = Uuid::from_u128(7);
        let query: ListQuery = read(&format!(
            "q=%EC%83%81%EC%A0%90+a&limit=20&open=false&order=by_name&id={id}&day=2026-01-02&x=&x=1"
        ))
        .await
        .unwrap();
        assert_eq!(query.q.as_deref(), Some("상점 a"));
        assert_eq!(query.limit, Some(20));
        assert_eq!(query.open, Some(false));
        assert_eq!(query.order, Some(Order::ByName));
        assert_eq!(query.id, Some(id));
        assert_eq!(
            query.day.map(|day| day.0.to_string()).as_deref(),
            Some("2026-01-02")
        );
    }

    #[tokio::test]
    async fn list_has_each_value_of_its_parameter_without_empty_ones() {
        for (query, orders) in [
            ("", vec![]),
            ("orders=", vec![]),
            ("orders=newest", vec![Order::Newest]),
            (
                "orders=by_name&limit=1&orders=&orders=newest",
                vec![Order::ByName, Order::Newest],
            ),
        ] {
            let read: ListQuery = read(query).await.unwrap();
            assert_eq!(read.orders, orders, "{query}");
        }
        let problem = read::<ListQuery>("orders=newest&orders=x").await;
        let detail = problem.unwrap_err().document(Language::English).detail;
        assert!(detail.unwrap().starts_with("orders: "));
    }

    #[tokio::test]
    async fn empty_parameter_counts_as_absent() {
        for query in [
            "",
            "q=&limit=&open=&order=&id=&day=",
            "q&limit&open&order&id&day&",
        ] {
            let read: ListQuery = read(query).await.unwrap();
            let ListQuery {
                q,
                limit,
                open,
                order,
                id,
                day,
                orders: _,
            } = read;
            assert_eq!(
                (q, limit, open, order, id),
                (None, None, None, None, None),
                "{query}"
            );
            assert!(day.is_none(), "{query}");
        }
    }

    #[tokio::test]
    async fn unreadable_query_names_its_parameter() {
        #[derive(Debug, Deserialize)]
        struct DateQuery {
            #[expect(dead_code, reason = "only its parsing is tested")]
            from: Date,
            #[expect(dead_code, reason = "only its parsing is tested")]
            limit: Option<u32>,
        }
        for (query, ko, en) in [
            (
                "from=soon",
                "조회 조건 from 값을 읽을 수 없습니다",
                "from: ",
            ),
            (
                "from=2026-1-2",
                "조회 조건 from 값을 읽을 수 없습니다",
                "from: ",
            ),
            (
                "from=2026-12-01&limit=many",
                "조회 조건 limit 값을 읽을 수 없습니다",
                "limit: ",
            ),
            (
                "from=2026-12-01&limit=&limit=5",
                "조회 조건 limit 값은 하나만 보내 주세요",
                "limit is there more than once",
            ),
            (
                "limit=1",
                "조회 조건 from 값을 보내 주세요",
                "from is missing",
            ),
            (
                "from=&limit=1",
                "조회 조건 from 값을 읽을 수 없습니다",
                "from: ",
            ),
        ] {
            let problem = read::<DateQuery>(query).await.unwrap_err();
            let detail = |language| problem.document(language).detail.unwrap();
            assert_eq!(problem.slug(), "wrong-query");
            assert_eq!(detail(Language::Korean), ko);
            let detail = detail(Language::English);
            assert!(detail.starts_with(en), "{query}: {detail}");
        }
        let long = read::<ListQuery>(&format!("order={}", "a".repeat(300))).await;
        let detail = long.unwrap_err().document(Language::English).detail;
        assert_eq!(detail.unwrap().chars().count(), MAX_EXPLANATION_LENGTH);
    }
}
