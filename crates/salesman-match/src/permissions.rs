//! Who may call what.

use service_kit::http::permissions::{All, No, Own, Permission};

/// Every operation, with how much of it anyone, customers, salesmen, consultants and staff have.
pub const TABLE: &[Permission] = &[
    Permission::new("GET", "/salesman-matches", [No, Own, Own, Own, All]),
    // Why these people is not for customers.
    Permission::new("GET", "/salesman-matches/{id}", [No, No, Own, Own, All]),
    Permission::new("PATCH", "/salesman-matches/{id}", [No, No, No, No, All]),
    Permission::new("GET", "/me/data", [No, Own, No, No, No]),
    Permission::new("DELETE", "/me", [No, Own, No, No, No]),
];
