//! Which role may call which operation.

use service_kit::http::permissions::{All, No, Own, Permission};

/// Each operation with the access of anonymous callers, customers, salesmen, consultants and staff.
pub const TABLE: &[Permission] = &[
    Permission::new("GET", "/consultations", [No, Own, Own, Own, All]),
    Permission::new("POST", "/consultations", [No, Own, All, No, All]),
    Permission::new("GET", "/consultations/counts", [No, Own, Own, Own, All]),
    Permission::new("GET", "/consultations/{id}", [No, Own, Own, Own, All]),
    Permission::new("PATCH", "/consultations/{id}", [No, Own, No, No, No]),
    // A consultant reads and adds notes, but does not change the step.
    Permission::new(
        "POST",
        "/consultations/{id}/progress",
        [No, Own, Own, No, All],
    ),
    Permission::new("POST", "/consultations/{id}/notes", [No, No, Own, Own, All]),
    Permission::new("POST", "/consultations/{id}/phone", [No, No, Own, Own, All]),
    Permission::new("GET", "/me/data", [No, Own, No, No, No]),
    Permission::new("GET", "/me/disclosures", [No, Own, No, No, No]),
    Permission::new("DELETE", "/me", [No, Own, No, No, No]),
];
