//! The results of schemathesis.

/// The result of one role.
#[derive(Clone)]
pub(super) struct RoleReport {
    pub(super) role: &'static str,
    pub(super) requests: u64,
    /// The report of schemathesis; `None` if it found no failure.
    pub(super) failures: Option<String>,
}

impl RoleReport {
    pub(super) fn summary(&self) -> String {
        let result = if self.failures.is_some() {
            "FAILURES"
        } else {
            "ok"
        };
        format!("{}: {} requests, {result}", self.role, self.requests)
    }
}

/// The output from the first failure on. Each failure has a curl command that reproduces it.
pub(super) fn failures(output: &str) -> &str {
    ["= FAILURES =", "= ERRORS ="]
        .iter()
        .filter_map(|title| output.find(title))
        .min()
        .map_or(output, |start| &output[start..])
}

/// The last line of the command.
pub(super) fn total(reports: &[RoleReport]) -> String {
    let requests: Vec<String> = reports
        .iter()
        .map(|report| format!("{} {}", report.role, report.requests))
        .collect();
    let requests = requests.join(", ");
    let failed_roles: Vec<&str> = reports
        .iter()
        .filter(|report| report.failures.is_some())
        .map(|report| report.role)
        .collect();
    if failed_roles.is_empty() {
        format!("requests: {requests}; no server error and no undescribed answer")
    } else {
        format!(
            "requests: {requests}; failures as {}",
            failed_roles.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_begins_with_the_first_failure() {
        assert_eq!(failures("a\n== FAILURES ==\nb"), "= FAILURES ==\nb");
        assert_eq!(failures("cannot start"), "cannot start");
    }

    #[test]
    fn last_line_has_the_number_of_requests_and_the_result() {
        let report = |role, failures: Option<&str>| RoleReport {
            role,
            requests: 7,
            failures: failures.map(str::to_owned),
        };
        assert_eq!(
            total(&[report("anonymous", None), report("staff", None)]),
            "requests: anonymous 7, staff 7; no server error and no undescribed answer"
        );
        assert_eq!(
            total(&[report("anonymous", None), report("staff", Some("x"))]),
            "requests: anonymous 7, staff 7; failures as staff"
        );
    }
}
