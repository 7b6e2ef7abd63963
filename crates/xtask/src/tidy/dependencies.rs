//! Which crates of the workspace may depend on which.

use std::collections::BTreeSet;

use serde_json::Value;

use super::services::SERVICES;

/// The crates of the workspace that a crate may depend on; `None` for an unknown crate.
fn allowed(name: &str) -> Option<Vec<&'static str>> {
    Some(match name {
        "events" | "sandbox" => vec![],
        "service-kit" => vec!["events"],
        "gateway" => vec!["events", "service-kit"],
        "xtask" => vec!["sandbox"],
        // It uses the sandbox for paths and ports; its tests kill and restart the servers.
        "ktgg" => [
            &SERVICES[..],
            &["events", "service-kit", "gateway", "sandbox"],
        ]
        .concat(),
        service if SERVICES.contains(&service) => vec!["events", "service-kit"],
        _ => return None,
    })
}

pub(super) fn check(metadata: &Value) -> Vec<String> {
    let packages = array(&metadata["packages"]);
    let workspace: BTreeSet<&str> = packages.iter().filter_map(name_of).collect();
    let mut findings = Vec::new();
    for package in packages {
        let name = name_of(package).unwrap_or_default();
        let Some(allowed) = allowed(name) else {
            findings.push(format!(
                "{name}: tidy/dependencies.rs does not say what it may depend on"
            ));
            continue;
        };
        for dependency in array(&package["dependencies"]) {
            let dependency = name_of(dependency).unwrap_or_default();
            // A crate may depend on itself to turn on a feature for its tests.
            if workspace.contains(dependency)
                && dependency != name
                && !allowed.contains(&dependency)
            {
                findings.push(format!("{name} may not depend on {dependency}"));
            }
        }
        if name == "events" {
            findings.extend(check_events(package));
        }
    }
    findings
}

/// `events` is the contract, so it stays small. Only the generator of the schemas needs schemars.
fn check_events(package: &Value) -> Vec<String> {
    let names = |optional: bool| -> BTreeSet<&str> {
        array(&package["dependencies"])
            .iter()
            .filter(|dependency| dependency["kind"].is_null())
            .filter(|dependency| (dependency["optional"] == true) == optional)
            .filter_map(name_of)
            .collect()
    };
    let mut findings = Vec::new();
    let (required, optional) = (names(false), names(true));
    if required != BTreeSet::from(["chrono", "serde", "uuid"]) {
        let required = Vec::from_iter(required).join(", ");
        findings.push(format!(
            "events depends on {required}, instead of chrono, serde and uuid only"
        ));
    }
    if !optional.is_subset(&BTreeSet::from(["schemars"])) {
        let optional = Vec::from_iter(optional).join(", ");
        findings.push(format!(
            "events has the optional dependencies {optional}, instead of schemars only"
        ));
    }
    findings
}

fn name_of(value: &Value) -> Option<&str> {
    value["name"].as_str()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Value {
        let dependencies: Vec<Value> = dependencies
            .iter()
            .map(|(name, kind)| json!({ "name": name, "kind": kind }))
            .collect();
        json!({ "name": name, "dependencies": dependencies })
    }

    fn check_packages(packages: &[Value]) -> Vec<String> {
        check(&json!({ "packages": packages }))
    }

    #[test]
    fn service_that_depends_on_a_service_is_found() {
        let packages = [
            package("salesman", &[]),
            package("project", &[("salesman", None), ("axum", None)]),
        ];
        assert_eq!(
            check_packages(&packages),
            ["project may not depend on salesman"]
        );
    }

    #[test]
    fn ktgg_may_depend_on_the_sandbox_and_services_may_not() {
        let sandbox = || package("sandbox", &[]);
        let ktgg = package("ktgg", &[("sandbox", None)]);
        assert!(check_packages(&[sandbox(), ktgg]).is_empty());
        let service = package("project", &[("sandbox", Some("dev"))]);
        assert_eq!(
            check_packages(&[sandbox(), service]),
            ["project may not depend on sandbox"]
        );
    }

    #[test]
    fn additional_dependency_of_events_is_found() {
        let right = [
            ("serde", None),
            ("uuid", None),
            ("chrono", None),
            ("serde_json", Some("dev")),
        ];
        assert!(check_packages(&[package("events", &right)]).is_empty());
        let wrong = [&right[..], &[("anyhow", None)]].concat();
        let findings = check_packages(&[package("events", &wrong)]);
        assert!(findings[0].contains("anyhow"), "{findings:?}");
    }

    #[test]
    fn events_may_have_schemars_as_an_optional_dependency_only() {
        let events = |name: &str, optional: bool| {
            let required = [("serde", None), ("uuid", None), ("chrono", None)];
            let mut events = package("events", &[&required[..], &[(name, None)]].concat());
            events["dependencies"][3]["optional"] = json!(optional);
            check_packages(&[events])
        };
        assert!(events("schemars", true).is_empty());
        assert!(events("anyhow", true)[0].contains("anyhow"));
        assert!(events("schemars", false)[0].contains("schemars"));
    }

    #[test]
    fn unknown_crate_is_found() {
        assert_eq!(
            check_packages(&[package("extra", &[])]),
            ["extra: tidy/dependencies.rs does not say what it may depend on"]
        );
    }
}
