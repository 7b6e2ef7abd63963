//! Name and summary of each policy, read from the doc comment of its function.
//!
//! A doc comment begins with the policy's name, as in "`EditSalesman`: whenever …", and contains
//! "Causes `SalesmanMatched`." where the policy causes an event. A module whose doc begins like
//! that reacts to the clock.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::names::{first_sentence, pascal};
use crate::services::services;

/// The docs of all policies, by service and function.
#[derive(Debug, Clone, Default)]
pub struct PolicyDocs(BTreeMap<(String, String), PolicyDoc>);

/// The doc of one policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyDoc {
    /// As in `AnnualProjectCreate`.
    pub name: String,
    /// One sentence; empty when the function has no doc comment.
    pub summary: String,
    /// Short names of the events that it causes.
    pub causes: Vec<String>,
}

impl PolicyDocs {
    /// Reads the sources of all services in the checkout.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn read(root: &Path) -> Result<Self> {
        let mut docs = BTreeMap::new();
        for service in services() {
            let folder = root.join("crates").join(service.name()).join("src");
            for file in files(&folder)? {
                let text = fs::read_to_string(&file)
                    .with_context(|| format!("cannot read {}", file.display()))?;
                for (function, comment) in comments(&text) {
                    // A command's comment begins with its name too, but not with "whenever".
                    if let Some(policy) = policy(&comment)
                        .filter(|policy| policy.summary.to_lowercase().starts_with("whenever"))
                    {
                        docs.insert((service.name().to_owned(), function), policy);
                    }
                }
                // A module deeper down belongs to a route.
                if let (Some(policy), true) = (
                    policy(&head(&text)),
                    file.parent() == Some(folder.as_path()),
                ) {
                    docs.insert(
                        (service.name().to_owned(), file.display().to_string()),
                        policy,
                    );
                }
            }
        }
        Ok(Self(docs))
    }

    /// The doc of a function; only a name where the function has none.
    pub fn of(&self, service: &str, function: &str) -> PolicyDoc {
        let doc = self.0.get(&(service.to_owned(), function.to_owned()));
        doc.cloned().unwrap_or_else(|| PolicyDoc {
            name: pascal(function),
            summary: String::new(),
            causes: Vec::new(),
        })
    }

    /// All policies of a service, with the function's name or the module's path.
    pub fn in_service<'a>(
        &'a self,
        service: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a PolicyDoc)> {
        self.0
            .iter()
            .filter(move |((of, _), _)| of == service)
            .map(|((_, function), policy)| (function.as_str(), policy))
    }
}

/// Every Rust file below the folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Every function with the doc comment above it.
fn comments(source: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut comment = String::new();
    for line in source.lines() {
        let line = line.trim();
        if let Some(text) = line.strip_prefix("///") {
            comment.push_str(text.trim());
            comment.push('\n');
        } else if let Some(name) = function(line) {
            found.push((name.to_owned(), std::mem::take(&mut comment)));
        } else if !line.starts_with("#[") {
            comment.clear();
        }
    }
    found
}

/// The name of the function that begins on this line.
fn function(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let declares = before
        .split_whitespace()
        .all(|word| ["pub", "pub(crate)", "pub(super)", "async"].contains(&word));
    after
        .split(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
        .next()
        .filter(|_| declares)
}

/// The doc comment of a module.
fn head(source: &str) -> String {
    source
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .flat_map(|line| [line.trim(), "\n"])
        .collect()
}

/// Reads "`Name`: whenever this happened, do that. Causes `Event`."
fn policy(comment: &str) -> Option<PolicyDoc> {
    let (name, text) = comment.trim().strip_prefix('`')?.split_once("`:")?;
    let is_name = name.starts_with(|letter: char| letter.is_ascii_uppercase())
        && name.chars().all(char::is_alphanumeric);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let causes = words.split("Causes ").skip(1).flat_map(|rest| {
        rest.split('.')
            .next()
            .unwrap_or_default()
            .split('`')
            .skip(1)
            .step_by(2)
    });
    let causes = causes.map(str::to_owned).collect();
    is_name.then(|| PolicyDoc {
        name: name.to_owned(),
        summary: first_sentence(text),
        causes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_comment_above_a_function_is_read() {
        let source = "//! Policies.

/// A constant.
const A: u8 = 1;

/// `KeepProjects`: whenever it
/// changes, keep it. More.
///
/// Causes `SalesmanMatched` and
/// `ProjectEnded`.
#[expect(x)]
pub(crate) async fn keep_projects<E>(
    tx: &mut Tx,
) {
    let fn_name = 1;
}

fn helper() {}
";
        let found = comments(source);
        assert_eq!(
            found
                .iter()
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>(),
            ["keep_projects", "helper"]
        );
        let expected = PolicyDoc {
            name: "KeepProjects".to_owned(),
            summary: "whenever it changes, keep it.".to_owned(),
            causes: ["SalesmanMatched", "ProjectEnded"]
                .map(str::to_owned)
                .into(),
        };
        assert_eq!(policy(&found[0].1), Some(expected));
        assert_eq!(policy(&found[1].1), None);
    }

    #[test]
    fn a_comment_without_a_name_is_not_a_policy() {
        assert_eq!(policy("Whenever it changes: keep `it`."), None);
        assert_eq!(policy("`tx`: whenever it is there."), None);
        assert_eq!(
            head("//! `RemindDeadline`: seven days\n//! before.\n\nuse x;\n"),
            "`RemindDeadline`: seven days\nbefore.\n"
        );
    }

    #[test]
    fn a_function_without_a_doc_gets_its_own_name() {
        let policy = PolicyDocs::default().of("interest", "notify_customer");
        assert_eq!(
            (policy.name.as_str(), policy.summary.as_str()),
            ("NotifyCustomer", "")
        );
    }
}
