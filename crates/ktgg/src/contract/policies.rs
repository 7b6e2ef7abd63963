//! What each policy says of itself: the comment above its function, read from the sources.
//!
//! A comment begins with the domain's name of the policy, as in "`EditSalesman`: whenever …", and says "Causes `SalesmanMatched`." where an
//! event follows. A module that begins so reacts to the clock.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::first_sentence;

/// The comments of all policies, by service and function.
#[derive(Debug, Clone, Default)]
pub struct Said(BTreeMap<(String, String), Policy>);

/// What one policy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The domain's name of it: `AnnualProjectCreate`.
    pub name: String,
    /// What it does, in one sentence; empty when its function has no comment.
    pub does: String,
    /// Short names of the events that follow from it.
    pub causes: Vec<String>,
}

impl Said {
    /// Reads them from the checkout.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn read(root: &Path) -> Result<Self> {
        let mut said = BTreeMap::new();
        for service in crate::services() {
            let folder = root.join("crates").join(service.name()).join("src");
            for file in files(&folder)? {
                let text = fs::read_to_string(&file)
                    .with_context(|| format!("cannot read {}", file.display()))?;
                for (function, comment) in comments(&text) {
                    // A command's comment begins with its name too, and then says who gives it.
                    if let Some(policy) = policy(&comment)
                        .filter(|policy| policy.does.to_lowercase().starts_with("whenever"))
                    {
                        said.insert((service.name().to_owned(), function), policy);
                    }
                }
                // What lies deeper is a part of something else: of a route, above all.
                if let (Some(policy), true) = (
                    policy(&head(&text)),
                    file.parent() == Some(folder.as_path()),
                ) {
                    said.insert(
                        (service.name().to_owned(), file.display().to_string()),
                        policy,
                    );
                }
            }
        }
        Ok(Self(said))
    }

    /// What that function of that service says; only a name where it says nothing.
    pub fn of(&self, service: &str, function: &str) -> Policy {
        let said = self
            .0
            .get(&(service.to_owned(), function.to_owned()))
            .cloned();
        said.unwrap_or_else(|| Policy {
            name: pascal(function),
            does: String::new(),
            causes: Vec::new(),
        })
    }

    /// Everything in that service that says that it is a policy, with the function's name or the module's path.
    pub fn in_service<'a>(
        &'a self,
        service: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a Policy)> {
        self.0
            .iter()
            .filter(move |((of, _), _)| of == service)
            .map(|((_, function), policy)| (function.as_str(), policy))
    }
}

/// Every source of a service.
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

/// Every function with the comment above it.
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

/// What a file says of itself.
fn head(source: &str) -> String {
    source
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .flat_map(|line| [line.trim(), "\n"])
        .collect()
}

/// Reads "`Name`: whenever this happened, do that. Causes `Event`."
fn policy(comment: &str) -> Option<Policy> {
    let (name, does) = comment.trim().strip_prefix('`')?.split_once("`:")?;
    let is_name = name.starts_with(|letter: char| letter.is_ascii_uppercase())
        && name.chars().all(char::is_alphanumeric);
    let text = does.split_whitespace().collect::<Vec<_>>().join(" ");
    let causes = text.split("Causes ").skip(1).flat_map(|rest| {
        rest.split('.')
            .next()
            .unwrap_or_default()
            .split('`')
            .skip(1)
            .step_by(2)
    });
    let causes = causes.map(str::to_owned).collect();
    is_name.then(|| Policy {
        name: name.to_owned(),
        does: first_sentence(does),
        causes,
    })
}

/// `edit_salesman` as the domain writes it.
fn pascal(function: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().chain(letters).collect::<String>())
    };
    function.split('_').filter_map(capital).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comment_above_a_function_is_read_and_others_are_not() {
        let source = "//! Policies.\n\n/// A constant.\nconst A: u8 = 1;\n\n/// `KeepProjects`: whenever it\n/// changes, keep it. More.\n\
            ///\n/// Causes `SalesmanMatched` and\n/// `ProjectEnded`.\n#[expect(x)]\npub(crate) async fn keep_projects<E>(\n    tx: &mut Tx,\n) {\n    let fn_name = 1;\n}\n\nfn helper() {}\n";
        let found = comments(source);
        assert_eq!(
            found
                .iter()
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>(),
            ["keep_projects", "helper"]
        );
        let expected = Policy {
            name: "KeepProjects".to_owned(),
            does: "whenever it changes, keep it.".to_owned(),
            causes: ["SalesmanMatched", "ProjectEnded"]
                .map(str::to_owned)
                .into(),
        };
        assert_eq!(policy(&found[0].1), Some(expected));
        assert_eq!(policy(&found[1].1), None);
    }

    #[test]
    fn a_comment_without_a_name_in_front_is_no_policys() {
        assert_eq!(policy("Whenever it changes: keep `it`."), None);
        assert_eq!(policy("`tx`: whenever it is there."), None);
        assert_eq!(
            head("//! `RemindDeadline`: seven days\n//! before.\n\nuse x;\n"),
            "`RemindDeadline`: seven days\nbefore.\n"
        );
    }

    #[test]
    fn a_function_that_says_nothing_is_named_after_itself() {
        let policy = Said::default().of("interest", "notify_customer");
        assert_eq!(
            (policy.name.as_str(), policy.does.as_str()),
            ("NotifyCustomer", "")
        );
    }
}
