//! The permission table.

use service_kit::http::permissions::{All, No, Own, Permission};

/// The access of anonymous callers, customers, salesmen, consultants and staff to every operation.
pub const TABLE: &[Permission] = &[
    Permission::new("POST", "/salesmen", [No, No, No, No, All]),
    Permission::new("GET", "/salesmen", [No, No, No, No, All]),
    Permission::new("GET", "/salesmen/{id}", [No, No, No, No, All]),
    Permission::new("PATCH", "/salesmen/{id}", [No, No, No, No, All]),
    Permission::new("GET", "/salesmen/{id}/outcomes", [No, No, No, No, All]),
    Permission::new("GET", "/salesmen/dashboard", [No, No, No, No, All]),
    Permission::new("GET", "/salesmen/me", [No, No, Own, Own, No]),
    Permission::new("GET", "/salesmen/me/outcomes", [No, No, Own, Own, No]),
    Permission::new("GET", "/salesmen/me/notifications", [No, No, Own, Own, No]),
    Permission::new(
        "POST",
        "/salesmen/me/notifications/read",
        [No, No, Own, Own, No],
    ),
    // A customer's own people: those who are matched with the customer.
    Permission::new("GET", "/salesmen/{id}/card", [No, Own, No, No, No]),
    Permission::new("GET", "/me/data", [No, Own, No, No, No]),
    Permission::new("DELETE", "/me", [No, Own, No, No, No]),
];
