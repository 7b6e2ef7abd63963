//! The only SQL of this service.
//!
//! - `projects`: rows of the aggregate, and the one way to change it. `series`: the order of
//!   editions. `list`, `filter`: lists and phases. `reindex`: search columns.
//! - `imports`, `import_rows`, `import_matches`: plans, their rows, and the editions that rows
//!   match.
//! - `projections`: what other services publish. `work`, `visit_card`: what is read of it.
//!   `figures`: what counts for each project of a page. `facets`: counts of a list.
//!   `dashboard`: what began, day by day. `people`: who is assigned. `erasure`: a customer's data
//!   and its erasure. `columns`: decodes enums.

mod columns;
pub(crate) mod dashboard;
pub(crate) mod erasure;
pub(crate) mod facets;
pub(crate) mod figures;
mod filter;
pub(crate) mod import_matches;
pub(crate) mod import_rows;
pub(crate) mod imports;
pub(crate) mod list;
mod people;
pub(crate) mod projections;
pub(crate) mod projects;
pub(crate) mod reindex;
pub(crate) mod series;
pub(crate) mod visit_card;
pub(crate) mod work;
