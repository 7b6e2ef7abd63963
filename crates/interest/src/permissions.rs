//! Who may call what.

use service_kit::http::permissions::{All, No, Own, Permission};

/// Every operation, with how much of it anyone, customers, salesmen, consultants and staff have.
pub const TABLE: &[Permission] = &[
    Permission::new("GET", "/interests", [No, Own, Own, Own, All]),
    // A salesman enters whom he met: anybody. As long as he is not on it he is told nothing but what he sent.
    Permission::new("POST", "/interests", [No, Own, All, No, All]),
    Permission::new("GET", "/interests/{id}", [No, Own, Own, Own, All]),
    // Who works with a customer does not decide what he is interested in.
    Permission::new("PATCH", "/interests/{id}", [No, Own, No, No, All]),
    // A customer knows his own number.
    Permission::new("GET", "/interests/{id}/phone", [No, No, Own, Own, All]),
    Permission::new("GET", "/interests/unattended", [No, No, Own, Own, All]),
    Permission::new("GET", "/interests/notifications", [No, Own, No, No, No]),
    Permission::new(
        "POST",
        "/interests/notifications/read",
        [No, Own, No, No, No],
    ),
    Permission::new("GET", "/me/data", [No, Own, No, No, No]),
    Permission::new("DELETE", "/me", [No, Own, No, No, No]),
    Permission::new("GET", "/me/disclosures", [No, Own, No, No, No]),
];
