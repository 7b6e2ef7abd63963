//! Rows of `salesman_match`.

use chrono::{DateTime, Utc};
use events::{
    ConsultationId, CustomerId, CustomerRef, InterestId, LastFour, MatchId, Origin, PersonRef,
    PersonRole, ProjectId, SalesmanId, Strategy,
};
use serde_json::Value;
use sqlx::Error;
use uuid::Uuid;

use crate::salesman_match::SalesmanMatch;

/// A row as it is stored. Enumerations stay texts, so that a value written by a newer build can be
/// shown.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct MatchRow {
    pub(crate) id: Uuid,
    pub(crate) origin_kind: String,
    pub(crate) origin_id: Uuid,
    origin_version: i64,
    pub(crate) project_id: Uuid,
    pub(crate) project_name: Option<String>,
    /// `None` while the project is unknown, like the regions.
    pub(crate) category: Option<String>,
    pub(crate) regions: Option<Vec<String>>,
    pub(crate) customer_id: Uuid,
    /// `None` once the customer was erased.
    pub(crate) last_four: Option<String>,
    brought_by: Option<Uuid>,
    salesman_id: Option<Uuid>,
    salesman_name: Option<String>,
    consultant_id: Option<Uuid>,
    consultant_name: Option<String>,
    previous_salesman_id: Option<Uuid>,
    previous_consultant_id: Option<Uuid>,
    pub(crate) strategy: Option<String>,
    pub(crate) reason: Option<Value>,
    pub(crate) requested_at: DateTime<Utc>,
    pub(crate) matched_at: Option<DateTime<Utc>>,
    pub(crate) closed_at: Option<DateTime<Utc>>,
    pub(crate) erased_at: Option<DateTime<Utc>>,
    pub(crate) version: i64,
}

/// The columns of a row, with the newest known names of the people and the project.
pub(super) const COLUMNS: &str = "m.id, origin_kind, origin_id, origin_version, project_id,
    coalesce((select name from known_project where id = m.project_id), project_name) project_name,
    (select category from known_project where id = m.project_id) category,
    (select regions from known_project where id = m.project_id) regions,
    customer_id, last_four, brought_by, salesman_id, consultant_id,
    previous_salesman_id, previous_consultant_id,
    coalesce((select display_name from known_salesman where id = m.salesman_id),
             salesman_name) salesman_name,
    coalesce((select display_name from known_salesman where id = m.consultant_id),
             consultant_name) consultant_name,
    strategy, reason, requested_at, matched_at, closed_at, erased_at, version";

impl MatchRow {
    pub(crate) fn salesman(&self) -> Option<PersonRef> {
        person(self.salesman_id, self.salesman_name.as_deref())
    }

    pub(crate) fn consultant(&self) -> Option<PersonRef> {
        person(self.consultant_id, self.consultant_name.as_deref())
    }

    /// The aggregate. An error if the row contains a value that this build does not know: a newer
    /// build has to decide then.
    pub(crate) fn to_match(&self) -> Result<SalesmanMatch, Error> {
        let origin = match self.origin_kind.as_str() {
            "interest" => Origin::Interest(InterestId(self.origin_id)),
            "consultation" => Origin::Consultation(ConsultationId(self.origin_id)),
            _ => return Err(Error::Decode("an unknown kind of origin".into())),
        };
        let last_four = self.last_four.clone().map(LastFour::try_from).transpose();
        let customer = last_four
            .map_err(|error| Error::Decode(error.into()))?
            .map(|last_four| CustomerRef {
                customer_id: CustomerId(self.customer_id),
                last_four,
            });
        let strategy = self.strategy.as_deref().map(|name| {
            name.parse::<Strategy>()
                .map_err(|error| Error::Decode(error.into()))
        });
        Ok(SalesmanMatch {
            id: MatchId(self.id),
            origin,
            origin_version: self.origin_version,
            project_id: ProjectId(self.project_id),
            project_name: self.project_name.clone(),
            customer,
            brought_by: self.brought_by.map(SalesmanId),
            salesman: self.salesman(),
            consultant: self.consultant(),
            previous_salesman: self.previous_salesman_id.map(SalesmanId),
            previous_consultant: self.previous_consultant_id.map(SalesmanId),
            strategy: strategy.transpose()?,
            closed: self.closed_at.is_some(),
            version: self.version,
        })
    }
}

fn person(id: Option<Uuid>, name: Option<&str>) -> Option<PersonRef> {
    Some(PersonRef {
        id: SalesmanId(id?),
        display_name: name?.to_owned(),
    })
}

pub(super) fn decode_role(text: &str) -> PersonRole {
    if text == PersonRole::Consultant.as_str() {
        PersonRole::Consultant
    } else {
        PersonRole::Salesman
    }
}
