//! Numbers of tests.

use std::ops::AddAssign;

/// How many tests passed, failed and did not run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Counts {
    pub(crate) fn ran_nothing(&self) -> bool {
        self.passed + self.failed == 0
    }

    /// `12 passed, 0 failed`, and `, 3 skipped` if there are any.
    pub(crate) fn line(&self) -> String {
        let skipped = if self.skipped > 0 {
            format!(", {} skipped", self.skipped)
        } else {
            String::new()
        };
        format!("{} passed, {} failed{skipped}", self.passed, self.failed)
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_without_skipped_tests_has_two_counts() {
        let mut counts = Counts {
            passed: 4,
            ..Counts::default()
        };
        assert_eq!(counts.line(), "4 passed, 0 failed");
        counts.skipped = 3;
        assert_eq!(counts.line(), "4 passed, 0 failed, 3 skipped");
    }

    #[test]
    fn skipped_tests_did_not_run() {
        let skipped = Counts {
            skipped: 9,
            ..Counts::default()
        };
        assert!(skipped.ran_nothing());
    }
}
