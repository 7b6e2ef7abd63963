//! Who may call what.

use service_kit::http::permissions::{All, No, Own, Permission};

/// Every operation, with how much of it anyone, customers, salesmen, consultants and staff have.
pub const TABLE: &[Permission] = &[
    Permission::new("POST", "/salesmen", [No, No, No, No, All]),
    Permission::new("GET", "/salesmen", [No, No, No, No, All]),
    Permission::new("GET", "/salesmen/{id}", [No, No, No, No, All]),
    Permission::new("PATCH", "/salesmen/{id}", [No, No, No, No, All]),
    Permission::new("GET", "/salesmen/me", [No, No, Own, Own, No]),
    Permission::new("GET", "/salesmen/me/notifications", [No, No, Own, Own, No]),
    Permission::new(
        "POST",
        "/salesmen/me/notifications/read",
        [No, No, Own, Own, No],
    ),
    // Of whoever is matched with the customer.
    Permission::new("GET", "/salesmen/{id}/card", [No, Own, No, No, No]),
    Permission::new("GET", "/me/data", [No, Own, No, No, No]),
    Permission::new("DELETE", "/me", [No, Own, No, No, No]),
];
