//! Who may call what.

use service_kit::http::permissions::{All, No, Own, Permission};

/// Every operation, with how much of it anyone, customers, salesmen, consultants and staff have.
pub const TABLE: &[Permission] = &[
    Permission::new("GET", "/consultations", [No, Own, Own, Own, All]),
    Permission::new("POST", "/consultations", [No, Own, All, No, All]),
    Permission::new("GET", "/consultations/{id}", [No, Own, Own, Own, All]),
    Permission::new("PATCH", "/consultations/{id}", [No, Own, No, No, No]),
    // A consultant reads and notes, and moves nothing.
    Permission::new(
        "POST",
        "/consultations/{id}/progress",
        [No, Own, Own, No, All],
    ),
    Permission::new("POST", "/consultations/{id}/notes", [No, No, Own, Own, All]),
    Permission::new("GET", "/consultations/{id}/phone", [No, No, Own, Own, All]),
    Permission::new("GET", "/me/data", [No, Own, No, No, No]),
    Permission::new("GET", "/me/disclosures", [No, Own, No, No, No]),
    Permission::new("DELETE", "/me", [No, Own, No, No, No]),
];
