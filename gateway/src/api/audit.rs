//! What staff did: every write of theirs, and every look at a whole number, before it is let through, and how it was answered. Also who came to a password by a link, whatever he
//! is, and to whom a link was given on the command line: without these, one member of staff could become another and nobody would see it.
//!
//! Only that there was a field is written down, never what was in it: a path loses whatever is neither a plain word nor an id, a query is
//! left out, and a body leaves nothing but the names at its top. The two tables can be added to, and nothing else.

use std::fmt;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use chrono::{DateTime, Utc};
use hyper::body::Body as _;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use service_kit::auth::{Identity, Role};
use service_kit::http::body::{drain_body, read_body, too_large};
use service_kit::http::{Page, PageQuery, Paged, Query};
use service_kit::{Db, Problem, Tx};
use sqlx::PgPool;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::api::proxy;
use crate::state::AppState;
use crate::upstream::routes as table;

/// What is written in the place of a part of a path that could say something of somebody.
const LEFT_OUT: &str = "…";

/// The longest plain word of a path or name of a field, in letters.
const LONGEST_WORD: usize = 40;

/// No path of ours has more parts, and no body more names, and what comes behind that is left out.
const PARTS: usize = 12;
const NAMES: usize = 50;

/// The path without anything that could be a value: words of lower-case letters and ids are kept.
fn plain(path: &str) -> String {
    let mut plain = String::new();
    for (place, segment) in path.split('/').skip(1).enumerate() {
        plain.push('/');
        if place >= PARTS {
            plain.push_str(LEFT_OUT);
            break;
        }
        plain.push_str(
            if segment.is_empty() || is_word(segment) || is_id(segment) {
                segment
            } else {
                LEFT_OUT
            },
        );
    }
    plain
}

fn is_word(segment: &str) -> bool {
    let letters =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    segment.len() <= LONGEST_WORD && segment.split('-').all(letters)
}

/// An id as it is written everywhere: with its hyphens. Thirty-two digits in a row could be anything.
fn is_id(segment: &str) -> bool {
    const WRITTEN: usize = 36;
    segment.len() == WRITTEN && Uuid::try_parse(segment).is_ok()
}

/// The names at the top of a JSON object, as far as they look like names; nothing of anything else.
fn names(body: &[u8]) -> Vec<String> {
    serde_json::from_slice(body)
        .map(|Names(names)| names)
        .unwrap_or_default()
}

struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Top;
        impl<'de> Visitor<'de> for Top {
            type Value = Names;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let mut names: Vec<String> = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    map.next_value::<IgnoredAny>()?;
                    let is_name = (1..=LONGEST_WORD).contains(&name.len())
                        && name.bytes().all(|byte| byte.is_ascii_alphabetic());
                    if is_name && names.len() < NAMES && !names.contains(&name) {
                        names.push(name);
                    }
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_map(Top)
    }
}

/// Writes down what staff do: around whatever is let through the door.
pub(crate) async fn write_down(
    State(door): State<Arc<AppState>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let staff = request
        .extensions()
        .get::<Identity>()
        .filter(|who| who.role == Role::Staff)
        .map(|who| who.subject);
    let Some(actor) =
        staff.filter(|_| table::leaves_a_trace(request.method(), request.uri().path()))
    else {
        return Ok(next.run(request).await);
    };
    let (request, fields) = read_names(&door, request).await?;
    let path = plain(request.uri().path());
    let mut tx = door.db.begin().await?;
    let it = Deed {
        role: Role::Staff.as_str(),
        actor: Some(actor),
        method: request.method(),
        path: &path,
        fields: &fields,
    };
    let id = write(&mut tx, &it).await?;
    tx.commit().await?;
    let response = next.run(request).await;
    let location = location(&response);
    // It has been done. That its outcome is not known later is no reason to say now that it was not.
    if let Err(error) = outcome_of(&door.db, id, response.status(), location.as_deref()).await {
        tracing::error!(%error, audit = %id, "the outcome of what staff did could not be written down");
    }
    Ok(response)
}

/// The names that a body holds, and the request with that body again. A file that is sent in is not held, nor is anything but JSON.
async fn read_names(door: &AppState, request: Request) -> Result<(Request, Vec<String>), Problem> {
    let is_json = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
    let is_file = table::find(request.uri().path())
        .is_some_and(|(_, path)| table::upload(request.method(), path).is_some());
    if !is_json || is_file {
        return Ok((request, Vec::new()));
    }
    let (parts, body) = request.into_parts();
    if body.size_hint().lower() > proxy::BODY_LIMIT as u64 {
        drain_body(body).await;
        return Err(too_large(proxy::BODY_LIMIT));
    }
    let whole = tokio::time::timeout(
        door.upstream.patience.answer,
        read_body(body, proxy::BODY_LIMIT),
    )
    .await;
    let bytes = whole.map_err(|_| proxy::incomplete(StatusCode::REQUEST_TIMEOUT))??;
    let names = names(&bytes);
    Ok((Request::from_parts(parts, Body::from(bytes)), names))
}

/// Where the answer says that is what was made or meant, as far as it may be kept.
fn location(response: &Response) -> Option<String> {
    let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
    location.starts_with('/').then(|| plain(location))
}

/// Somebody who acts without anybody being signed in: whoever is at the command line.
const SYSTEM: &str = "system";

/// What somebody does, before it is known how it ends.
struct Deed<'a> {
    role: &'a str,
    /// Nobody, for [`SYSTEM`].
    actor: Option<Uuid>,
    method: &'a Method,
    path: &'a str,
    fields: &'a [String],
}

/// Writes down, with the password itself, that the owner of an account set it by a link.
pub(crate) async fn password_set(
    tx: &mut Tx,
    account: Uuid,
    role: Role,
) -> Result<(), sqlx::Error> {
    let fields = ["password", "token"].map(str::to_owned);
    let it = Deed {
        role: role.as_str(),
        actor: Some(account),
        method: &Method::POST,
        path: "/api/auth/password",
        fields: &fields,
    };
    let id = write(tx, &it).await?;
    write_outcome(tx, id, StatusCode::NO_CONTENT, Some(&location_of(account))).await
}

/// Writes down, with the link itself, that it was made on the command line.
pub(crate) async fn invited_by_command(tx: &mut Tx, account: Uuid) -> Result<(), sqlx::Error> {
    let fields = ["login", "name", "role"].map(str::to_owned);
    let it = Deed {
        role: SYSTEM,
        actor: None,
        method: &Method::POST,
        path: "/api/accounts/invitations",
        fields: &fields,
    };
    let id = write(tx, &it).await?;
    write_outcome(tx, id, StatusCode::CREATED, Some(&location_of(account))).await
}

/// Where an account is read.
pub(crate) fn location_of(account: Uuid) -> String {
    format!("/api/accounts/{account}")
}

async fn write(tx: &mut Tx, it: &Deed<'_>) -> Result<Uuid, sqlx::Error> {
    let (id, now) = (tx.new_id(), tx.now());
    sqlx::query("insert into audit (id, at, role, actor, method, path, fields) values ($1, $2, $3, $4, $5, $6, $7)")
        .bind(id)
        .bind(now)
        .bind(it.role)
        .bind(it.actor)
        .bind(it.method.as_str())
        .bind(it.path)
        .bind(it.fields)
        .execute(&mut **tx)
        .await?;
    Ok(id)
}

async fn outcome_of(
    db: &Db,
    id: Uuid,
    status: StatusCode,
    location: Option<&str>,
) -> Result<(), sqlx::Error> {
    let mut tx = db.begin().await?;
    write_outcome(&mut tx, id, status, location).await?;
    tx.commit().await
}

async fn write_outcome(
    tx: &mut Tx,
    id: Uuid,
    status: StatusCode,
    location: Option<&str>,
) -> Result<(), sqlx::Error> {
    let now = tx.now();
    sqlx::query(
        "insert into audit_outcome (audit_id, status, at, location) values ($1, $2, $3, $4)",
    )
    .bind(id)
    .bind(i16::try_from(status.as_u16()).unwrap_or_default())
    .bind(now)
    .bind(location)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(crate) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Something that a member of staff did, or that was done about an account.
#[derive(Debug, Serialize, sqlx::FromRow, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditView {
    /// Which.
    id: Uuid,
    /// When it was asked for.
    at: DateTime<Utc>,
    /// As what: `staff`; what the owner of an account is who set its password by a link; `system` for the command line.
    role: String,
    /// By whom: the id of his account. Null for the command line.
    actor: Option<Uuid>,
    /// What he is called now; null for somebody without an account.
    actor_name: Option<String>,
    /// As in `PATCH`.
    method: String,
    /// To what. A part that could say something of somebody is `…`.
    path: String,
    /// Which fields were sent. Never what was in them.
    fields: Vec<String>,
    /// How it was answered; null for what was broken off before that, which may have been done all the same.
    status: Option<i16>,
    /// What it was about, where the answer says so: of an invitation, whose account. A part that could say something of somebody is `…`.
    location: Option<String>,
    /// When it was answered.
    answered_at: Option<DateTime<Utc>>,
}

/// `?limit&after&actor` of the audit.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// How many at most: 1 to 100, 50 unless given.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// Where the page before this one ended: the `next` of its answer.
    after: Option<String>,
    /// Only what he did who has this account.
    actor: Option<Uuid>,
}

/// What staff did, and who was given a password by a link, newest first. It can be added to and not changed.
#[utoipa::path(
    get, path = "/api/audit", tag = "audit", params(AuditQuery),
    responses((status = 200, body = Paged<AuditView>, description = "A page of what was done")),
)]
async fn list(
    State(door): State<Arc<AppState>>,
    Query(query): Query<AuditQuery>,
) -> Result<Paged<AuditView>, Problem> {
    let AuditQuery {
        limit,
        after,
        actor,
    } = query;
    let page = PageQuery { limit, after }.page()?;
    Ok(Paged::from_rows(
        read(door.db.pool(), actor, page).await?,
        page,
        |view: &AuditView| view.id,
    ))
}

async fn read(
    pool: &PgPool,
    actor: Option<Uuid>,
    page: Page,
) -> Result<Vec<AuditView>, sqlx::Error> {
    sqlx::query_as(
        "select it.id, it.at, it.role, it.actor, account.name as actor_name, it.method, it.path, it.fields, outcome.status,
             outcome.location, outcome.at as answered_at
         from audit it
             left join audit_outcome outcome on outcome.audit_id = it.id
             left join account on account.id = it.actor
         where ($1::uuid is null or it.actor = $1) and ($2::uuid is null or it.id < $2)
         order by it.id desc limit $3",
    )
    .bind(actor)
    .bind(page.after)
    .bind(page.fetch_limit())
    .fetch_all(pool)
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_keeps_its_words_and_ids_and_nothing_else() {
        let id = "0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d01";
        assert_eq!(
            plain(&format!("/api/salesman-matches/{id}/assign")),
            format!("/api/salesman-matches/{id}/assign")
        );
        for (path, kept) in [
            ("/api/interests/01012345678", "/api/interests/…"),
            ("/api/interests/010-1234-5678/end", "/api/interests/…/end"),
            ("/api/interests/%2B821012345678", "/api/interests/…"),
            (
                "/api/interests/010123456780101234567801012345678",
                "/api/interests/…",
            ),
            ("/api/interests/홍길동", "/api/interests/…"),
            ("/api/interests/Hong", "/api/interests/…"),
            ("/api/projects/", "/api/projects/"),
            ("/api/x--y/-/a", "/api/…/…/a"),
        ] {
            assert_eq!(plain(path), kept);
        }
        assert_eq!(
            plain(&"/a".repeat(500)),
            format!("{}/…", "/a".repeat(PARTS))
        );
    }

    #[test]
    fn a_body_leaves_the_names_at_its_top_and_no_value() {
        let body = r#"{"phone": "01012345678", "note": {"deep": 1}, "01012345678": 1, "a b": 2, "phone": null, "": 3, "홍길동": 4}"#;
        assert_eq!(names(body.as_bytes()), ["phone", "note"]);
        assert_eq!(
            names(format!(r#"{{"{}": 1}}"#, "a".repeat(41)).as_bytes()),
            [""; 0]
        );
        for nothing in [
            "[{\"phone\": 1}]",
            "\"phone\"",
            "",
            "{\"phone\": 1",
            "{\"phone\": 1} x",
            "\u{0}",
        ] {
            assert_eq!(names(nothing.as_bytes()), [""; 0], "{nothing}");
        }
        let many: Vec<String> = (0..200)
            .map(|number| format!("\"{}\": 1", "x".repeat(number % 41)))
            .collect();
        assert!(names(format!("{{{}}}", many.join(",")).as_bytes()).len() <= NAMES);
    }
}
