//! What no compiler checks: who may depend on whom, what a service may not contain, and what no file may say.
//!
//! Each rule is a function from texts to findings, so that its test is a text it must find.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

const SERVICES: [&str; 5] = [
    "project",
    "interest",
    "consultation",
    "salesman-match",
    "salesman",
];

/// A file of the checkout, its path relative to the root.
pub(crate) struct File {
    path: String,
    text: String,
}

/// Every text file of the checkout, but for what is built or fetched.
pub(crate) fn read(root: &Path) -> Result<Vec<File>> {
    let mut files = Vec::new();
    read_folder(root, root, &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn read_folder(root: &Path, folder: &Path, files: &mut Vec<File>) -> Result<()> {
    const NOT_OURS: [&str; 5] = [".git", ".ktgg", "dist", "node_modules", "target"];
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let entry = entry?;
        let kind = entry.file_type()?;
        let path = entry.path();
        if kind.is_dir() && !NOT_OURS.iter().any(|it| entry.file_name() == *it) {
            read_folder(root, &path, files)?;
        } else if kind.is_file()
            // What is no text has nothing to say to these rules.
            && let Ok(text) = fs::read_to_string(&path)
        {
            let path = path
                .strip_prefix(root)
                .unwrap_or(&path)
                .to_string_lossy()
                .into_owned();
            files.push(File { path, text });
        }
    }
    Ok(())
}

/// All rules over everything.
pub(crate) fn findings(metadata: &Value, files: &[File]) -> Vec<String> {
    [
        dependency_direction(metadata),
        statics_in_services(files),
        impure_aggregates(files),
        empty_names(files),
        different_event_paths(files),
        places_and_registries(files),
        unlinked_decisions(files),
        missing_proofs(files),
    ]
    .concat()
}

/// What of ours a crate may depend on. A crate that is not named here has not been thought about.
fn allowed(krate: &str) -> Option<Vec<&'static str>> {
    Some(match krate {
        "events" | "sandbox" => vec![],
        "service-kit" => vec!["events"],
        "gateway" => vec!["events", "service-kit"],
        "xtask" => vec!["sandbox"],
        // `ktgg` asks the sandbox where a checkout's data folder is, and its tests kill and restart what the whole stands on.
        "ktgg" => [
            &SERVICES[..],
            &["events", "service-kit", "gateway", "sandbox"],
        ]
        .concat(),
        service if SERVICES.contains(&service) => vec!["events", "service-kit"],
        _ => return None,
    })
}

fn dependency_direction(metadata: &Value) -> Vec<String> {
    let packages: Vec<&Value> = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    let ours: BTreeSet<&str> = packages
        .iter()
        .filter_map(|it| it["name"].as_str())
        .collect();
    let mut found = Vec::new();
    for package in &packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(allowed) = allowed(name) else {
            found.push(format!(
                "{name}: tidy.rs does not say what it may depend on"
            ));
            continue;
        };
        let (mut normal, mut optional) = (BTreeSet::new(), BTreeSet::new());
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let on = dependency["name"].as_str().unwrap_or_default();
            let for_tests = dependency["kind"] == "dev";
            if dependency["kind"].is_null() {
                if dependency["optional"] == true {
                    optional.insert(on)
                } else {
                    normal.insert(on)
                };
            }
            // A crate may turn on a feature of its own for its tests.
            let exempt = for_tests && on == name;
            if ours.contains(on) && !allowed.contains(&on) && !exempt {
                found.push(format!("{name} may not depend on {on}"));
            }
        }
        if name == "events" && normal != BTreeSet::from(["chrono", "serde", "uuid"]) {
            let normal: Vec<&str> = normal.into_iter().collect();
            found.push(format!(
                "events depends on serde, uuid and chrono and nothing else, not on {}",
                normal.join(", ")
            ));
        }
        // Only who writes the schemas down pays for it.
        if name == "events" && !optional.is_subset(&BTreeSet::from(["schemars"])) {
            let optional: Vec<&str> = optional.into_iter().collect();
            found.push(format!(
                "events may depend on schemars, for its schemas, and on nothing else, not on {}",
                optional.join(", ")
            ));
        }
    }
    found
}

fn statics_in_services(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|it| is_source_of_service(it)) {
        for (number, line) in code_of(&file.text).lines().enumerate() {
            for word in ["static", "OnceLock", "LazyLock", "thread_local"] {
                // `'static` is a lifetime and lasts only as long as what has it.
                if words(line).any(|it| it == word) {
                    found.push(format!(
                        "{}:{}: `{word}`; a service keeps no state of its own",
                        file.path,
                        number + 1
                    ));
                }
            }
        }
    }
    found
}

/// Identifiers and keywords; a lifetime keeps its apostrophe.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|it: char| !(it.is_alphanumeric() || it == '_' || it == '\''))
        .filter(|it| !it.is_empty())
}

fn is_source_of_service(file: &File) -> bool {
    let inside = SERVICES
        .iter()
        .any(|it| file.path.starts_with(&format!("crates/{it}/src/")));
    inside && has_extension(&file.path, "rs")
}

fn impure_aggregates(files: &[File]) -> Vec<String> {
    const IMPURE: [&str; 11] = [
        "sqlx", "tokio", "rdkafka", "axum", "std::fs", "std::env", "Utc::now", "now_v7", "new_v4",
        "async fn", ".await",
    ];
    let mut found = Vec::new();
    for service in SERVICES {
        let path = format!("crates/{service}/src/{}.rs", service.replace('-', "_"));
        let Some(file) = files.iter().find(|it| it.path == path) else {
            found.push(format!(
                "{path}: this is where the aggregate belongs, and there is no such file"
            ));
            continue;
        };
        let code = code_of(&file.text);
        // Its unit tests may make ids.
        let rules = code.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in rules.lines().enumerate() {
            for it in IMPURE.iter().filter(|it| line.contains(**it)) {
                let line = number + 1;
                found.push(format!(
                    "{path}:{line}: `{it}`; time and ids come to an aggregate with the command, and it does no I/O"
                ));
            }
        }
    }
    found
}

/// A module by one of these names gathers what has nothing to do with each other.
fn empty_names(files: &[File]) -> Vec<String> {
    const EMPTY: [&str; 5] = ["utils", "common", "helpers", "models", "types"];
    let mut found = Vec::new();
    for file in files.iter().filter(|it| has_extension(&it.path, "rs")) {
        for name in EMPTY {
            let is_named = file.path.ends_with(&format!("/{name}.rs"))
                || file.path.contains(&format!("/{name}/"));
            let declares = code_of(&file.text).lines().any(|line| {
                let line: Vec<&str> = words(line).collect();
                line.windows(2).any(|it| it == ["mod", name])
            });
            if is_named || declares {
                found.push(format!(
                    "{}: a module called `{name}` says nothing about what belongs there",
                    file.path
                ));
            }
        }
    }
    found
}

fn different_event_paths(files: &[File]) -> Vec<String> {
    let of_kit = "crates/service-kit/sql/event_path.sql";
    let text_of = |path: &str| files.iter().find(|it| it.path == path).map(|it| &it.text);
    let paths = SERVICES.map(|it| format!("crates/{it}/migrations/0001_event_path.sql"));
    let differing = paths
        .into_iter()
        .filter(|it| text_of(it).is_none() || text_of(it) != text_of(of_kit));
    differing
        .map(|it| format!("{it} is not the same as {of_kit}"))
        .collect()
}

/// A path of one machine is wrong on every other, and where packages come from is each machine's own affair.
fn places_and_registries(files: &[File]) -> Vec<String> {
    // Put together from halves, so that this file does not find itself.
    let paths = [
        ["/ro", "ot/"],
        ["/wo", "rk/"],
        ["/ho", "me/"],
        ["/Us", "ers/"],
    ]
    .map(|it| it.concat());
    let registries = [
        ["crates", ".io"],
        ["registry", ".npmjs"],
        ["registry", ".yarnpkg"],
        ["repo.maven", ".apache"],
        ["repo1", ".maven"],
        ["pypi", ".org"],
        ["proxy", ".golang"],
    ]
    .map(|it| it.concat());
    let of_images = ["/ho", "me/nonroot"].concat();
    let mut found = Vec::new();
    for file in files.iter().filter(|it| !is_lock_file(&it.path)) {
        for (number, line) in file.text.lines().enumerate() {
            let at = format!("{}:{}", file.path, number + 1);
            // The home inside an image is the same everywhere.
            let outside = line.replace(&of_images, "");
            found.extend(
                paths
                    .iter()
                    .filter(|it| begins_a_path(&outside, it))
                    .map(|it| format!("{at}: a path of some machine, {it}")),
            );
            found.extend(
                registries
                    .iter()
                    .filter(|it| line.contains(&***it))
                    .map(|it| format!("{at}: a package registry, {it}")),
            );
        }
    }
    found
}

fn is_lock_file(path: &str) -> bool {
    [
        "Cargo.lock",
        "package-lock.json",
        "pnpm-lock.yaml",
        "yarn.lock",
    ]
    .iter()
    .any(|it| path.ends_with(it))
}

/// Whether the text stands at the beginning of a path, and not within one or within an address.
fn begins_a_path(line: &str, text: &str) -> bool {
    line.match_indices(text).any(|(at, _)| {
        !line[..at].ends_with(|it: char| {
            it.is_alphanumeric() || matches!(it, '.' | '-' | '_' | '/' | '}' | ')' | '*' | '~')
        })
    })
}

fn unlinked_decisions(files: &[File]) -> Vec<String> {
    let map = files
        .iter()
        .find(|it| it.path == "ARCHITECTURE.md")
        .map_or("", |it| &it.text);
    let decisions = files
        .iter()
        .filter(|it| it.path.starts_with("docs/adr/") && has_extension(&it.path, "md"));
    let unlinked = decisions.filter(|it| !map.contains(&it.path));
    unlinked
        .map(|it| format!("{} is not linked from ARCHITECTURE.md", it.path))
        .collect()
}

fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|it| it == extension)
}

/// Rust without comments and without what stands in quotes; line breaks stay, so that lines can be counted.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |it| it + 2)
        } else if next == '"' {
            end_of_string(rest)
        } else if next == 'r' && !ends_in_word(&code) {
            end_of_raw_string(rest)
        } else if rest.starts_with("'\\") {
            // An escaped character: the closing quote comes after at least one more.
            rest.get(3..)
                .and_then(|it| it.find('\''))
                .map_or(rest.len(), |it| it + 4)
        } else if next == '\'' && rest.chars().nth(2) == Some('\'') {
            rest.char_indices().nth(3).map_or(rest.len(), |it| it.0)
        } else {
            0
        };
        if skipped == 0 {
            code.push(next);
            rest = &rest[next.len_utf8()..];
        } else {
            code.extend(rest[..skipped].chars().filter(|it| *it == '\n'));
            // What stood on both sides shall not grow together.
            code.push(' ');
            rest = &rest[skipped..];
        }
    }
    code
}

fn ends_in_word(code: &str) -> bool {
    code.ends_with(|it: char| it.is_alphanumeric() || it == '_')
}

fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (at, it) in text.char_indices().skip(1) {
        if it == '"' && !escaped {
            return at + 1;
        }
        escaped = it == '\\' && !escaped;
    }
    text.len()
}

/// Zero if this `r` begins no raw string.
fn end_of_raw_string(text: &str) -> usize {
    let hashes = text[1..].chars().take_while(|it| *it == '#').count();
    if !text[1 + hashes..].starts_with('"') {
        return 0;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    let begin = 2 + hashes;
    text[begin..]
        .find(&close)
        .map_or(text.len(), |it| begin + it + close.len())
}

/// The seed's sentences are each shown by a test: ``crate · `name` `` in its page, and a function of that name in that crate.
fn missing_proofs(files: &[File]) -> Vec<String> {
    let Some(page) = files.iter().find(|it| it.path == "docs/seed.md") else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (number, line) in page.text.lines().enumerate() {
        for (before, after) in line
            .match_indices(" · `")
            .map(|(at, mark)| (&line[..at], &line[at + mark.len()..]))
        {
            let krate = before
                .rsplit(|it: char| it.is_whitespace() || matches!(it, '|' | '(' | ':' | ','))
                .next()
                .unwrap_or_default();
            let name = after.split('`').next().unwrap_or_default();
            let declared = format!("fn {name}(");
            let folders = [format!("crates/{krate}/"), format!("{krate}/")];
            let is_there = files.iter().any(|it| {
                folders.iter().any(|folder| it.path.starts_with(folder))
                    && it.text.contains(&declared)
            });
            if !is_there {
                found.push(format!(
                    "{}:{}: {krate} has no test `{name}`",
                    page.path,
                    number + 1
                ));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Value {
        let dependencies: Vec<Value> = dependencies
            .iter()
            .map(|(name, kind)| serde_json::json!({ "name": name, "kind": kind }))
            .collect();
        serde_json::json!({ "name": name, "dependencies": dependencies })
    }

    fn direction(packages: &[Value]) -> Vec<String> {
        dependency_direction(&serde_json::json!({ "packages": packages }))
    }

    #[test]
    fn a_service_that_depends_on_a_service_is_found() {
        let packages = [
            package("salesman", &[]),
            package("project", &[("salesman", None), ("axum", None)]),
        ];
        assert_eq!(direction(&packages), ["project may not depend on salesman"]);
    }

    #[test]
    fn the_sandbox_is_for_the_whole_only() {
        let sandbox = || package("sandbox", &[]);
        assert!(direction(&[sandbox(), package("ktgg", &[("sandbox", None)])]).is_empty());
        let of_service = direction(&[sandbox(), package("project", &[("sandbox", Some("dev"))])]);
        assert_eq!(of_service, ["project may not depend on sandbox"]);
    }

    #[test]
    fn events_with_one_more_dependency_are_found() {
        let right = [
            ("serde", None),
            ("uuid", None),
            ("chrono", None),
            ("serde_json", Some("dev")),
        ];
        assert!(direction(&[package("events", &right)]).is_empty());
        let found = direction(&[package(
            "events",
            &[&right[..], &[("anyhow", None)]].concat(),
        )]);
        assert!(found[0].contains("anyhow"), "{found:?}");
    }

    #[test]
    fn events_with_an_optional_dependency_are_found_unless_it_is_the_one_for_schemas() {
        let with = |name: &str| {
            let mut events = package(
                "events",
                &[
                    ("serde", None),
                    ("uuid", None),
                    ("chrono", None),
                    (name, None),
                ],
            );
            events["dependencies"][3]["optional"] = Value::Bool(true);
            direction(&[events])
        };
        assert!(with("schemars").is_empty());
        assert!(with("anyhow")[0].contains("anyhow"));
        // Not optional, it would be everybody's.
        let always = package(
            "events",
            &[
                ("serde", None),
                ("uuid", None),
                ("chrono", None),
                ("schemars", None),
            ],
        );
        assert!(direction(&[always])[0].contains("schemars"));
    }

    #[test]
    fn a_crate_nobody_thought_about_is_found() {
        assert_eq!(
            direction(&[package("extra", &[])]),
            ["extra: tidy.rs does not say what it may depend on"]
        );
    }

    #[test]
    fn a_static_in_a_service_is_found_and_a_lifetime_a_comment_and_a_text_are_not() {
        let bad = file(
            "crates/project/src/store.rs",
            "fn a() {}\nstatic SEEN: u8 = 0;\n",
        );
        assert_eq!(
            statics_in_services(&[bad]),
            ["crates/project/src/store.rs:2: `static`; a service keeps no state of its own"]
        );
        let fine = file(
            "crates/project/src/store.rs",
            "// static\nconst A: &'static str = \"static\";\n/* OnceLock */",
        );
        assert!(statics_in_services(&[fine]).is_empty());
        assert!(
            statics_in_services(&[file("crates/service-kit/src/a.rs", "static A: u8 = 0;")])
                .is_empty()
        );
        let lazy = file(
            "crates/project/src/http.rs",
            "use std::sync::{LazyLock, OnceLock};\nthread_local! {}",
        );
        assert_eq!(statics_in_services(&[lazy]).len(), 3);
    }

    #[test]
    fn an_aggregate_that_reads_the_clock_is_found_but_not_its_tests() {
        let mut files: Vec<File> = SERVICES
            .iter()
            .map(|it| {
                file(
                    &format!("crates/{it}/src/{}.rs", it.replace('-', "_")),
                    "fn a() {}",
                )
            })
            .collect();
        files[0].text = "#[cfg(test)]\nmod tests { fn a() { Uuid::new_v4(); } }".to_owned();
        assert!(impure_aggregates(&files).is_empty());
        files[3].text = "fn a() {\n    Utc::now()\n}".to_owned();
        let found = impure_aggregates(&files);
        assert!(
            found.len() == 1
                && found[0]
                    .starts_with("crates/salesman-match/src/salesman_match.rs:2: `Utc::now`"),
            "{found:?}"
        );
        files.remove(1);
        assert!(impure_aggregates(&files)[0].contains("no such file"));
    }

    #[test]
    fn a_module_with_an_empty_name_is_found_as_a_file_a_folder_and_a_declaration() {
        let found = empty_names(&[
            file("crates/project/src/utils.rs", ""),
            file("crates/project/src/models/a.rs", ""),
            file("crates/project/src/lib.rs", "pub mod helpers;"),
            file("crates/project/src/store.rs", "mod common_ground;"),
        ]);
        assert_eq!(found.len(), 3, "{found:?}");
    }

    #[test]
    fn a_first_migration_that_differs_from_the_kits_or_is_missing_is_found() {
        let mut files: Vec<File> = SERVICES
            .iter()
            .map(|it| file(&format!("crates/{it}/migrations/0001_event_path.sql"), "a"))
            .collect();
        files.push(file("crates/service-kit/sql/event_path.sql", "a"));
        assert!(different_event_paths(&files).is_empty());
        files[1].text.push('b');
        files.remove(0);
        assert_eq!(different_event_paths(&files).len(), 2);
    }

    #[test]
    fn a_path_of_some_machine_and_a_registry_are_found_outside_of_lock_files() {
        let home = ["/ho", "me/me/x"].concat();
        let registry = ["https://registry", ".npmjs.org"].concat();
        let text = format!("a {home}\n\"{registry}\"\n");
        assert_eq!(places_and_registries(&[file("a/b.md", &text)]).len(), 2);
        assert!(places_and_registries(&[file("frontend/package-lock.json", &text)]).is_empty());
        let within = ["https://example.org/ho", "me/me, ../wo", "rk/x"].concat();
        assert!(places_and_registries(&[file("a/b.md", &within)]).is_empty());
        assert!(
            places_and_registries(&[file("crates/xtask/src/tidy.rs", include_str!("tidy.rs"))])
                .is_empty()
        );
    }

    #[test]
    fn a_decision_that_the_map_does_not_link_is_found() {
        let decision = || file("docs/adr/0001-a.md", "");
        assert_eq!(
            unlinked_decisions(&[decision()]),
            ["docs/adr/0001-a.md is not linked from ARCHITECTURE.md"]
        );
        assert!(
            unlinked_decisions(&[
                decision(),
                file("ARCHITECTURE.md", "[a](docs/adr/0001-a.md)")
            ])
            .is_empty()
        );
    }

    #[test]
    fn a_test_that_the_seeds_page_names_and_its_crate_does_not_have_is_found() {
        let test = || file("crates/project/tests/it/a.rs", "async fn it_is_so() {}");
        let page = |text: &str| file("docs/seed.md", text);
        assert!(
            missing_proofs(&[
                test(),
                page("| 문장. | Shown: project · `it_is_so`, [x](y) |")
            ])
            .is_empty()
        );
        let found = missing_proofs(&[
            test(),
            page("| 문장. | project · `it_is_so`, interest · `it_is_so`. project · `it_is_not` |"),
        ]);
        assert_eq!(
            found,
            [
                "docs/seed.md:1: interest has no test `it_is_so`",
                "docs/seed.md:1: project has no test `it_is_not`"
            ]
        );
    }

    #[test]
    fn code_is_what_is_left_without_comments_texts_and_characters() {
        let code = code_of(
            "let a = \"x\\\"y // \"; // c\nlet b = r#\"q\" r\"#; let c = '\"'; let d: &'static str; '\\''; /* e\n*/ f",
        );
        assert_eq!(code.lines().count(), 3);
        let words: Vec<&str> = words(&code).collect();
        assert_eq!(
            words,
            [
                "let", "a", "let", "b", "let", "c", "let", "d", "'static", "str", "f"
            ]
        );
    }
}
