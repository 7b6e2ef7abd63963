//! The counts in the JSON reports of Vitest and Playwright.

use serde_json::Value;

use crate::counts::Counts;

/// Reads the report of Vitest. `None` if it is not one.
pub(super) fn vitest(report: &Value) -> Option<Counts> {
    let count = |name: &str| report[name].as_u64();
    Some(Counts {
        passed: count("numPassedTests")?,
        failed: count("numFailedTests")?,
        skipped: count("numPendingTests")? + count("numTodoTests")?,
    })
}

/// Reads the report of Playwright. `None` if it is not one. A test that passed only when it was
/// repeated counts as failed.
pub(super) fn playwright(report: &Value) -> Option<Counts> {
    let count = |name: &str| report["stats"][name].as_u64();
    Some(Counts {
        passed: count("expected")?,
        failed: count("unexpected")? + count("flaky")?,
        skipped: count("skipped")?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reports_of_both_runners_are_counted() {
        let report = json!({
            "numPassedTests": 7, "numFailedTests": 1, "numPendingTests": 2, "numTodoTests": 1,
            "numTotalTests": 11, "success": false,
        });
        let counts = vitest(&report).unwrap();
        assert_eq!(counts.line(), "7 passed, 1 failed, 3 skipped");
        let report = json!({
            "suites": [],
            "stats": { "expected": 5, "unexpected": 2, "flaky": 1, "skipped": 4, "duration": 1.5 },
        });
        let counts = playwright(&report).unwrap();
        assert_eq!(counts.line(), "5 passed, 3 failed, 4 skipped");
    }

    #[test]
    fn anything_else_is_not_a_report() {
        for other in [json!({}), json!([]), json!({ "stats": { "expected": 1 } })] {
            assert_eq!(vitest(&other), None);
            assert_eq!(playwright(&other), None);
        }
    }
}
