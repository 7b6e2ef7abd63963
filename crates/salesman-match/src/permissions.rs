//! Who may call what.

use service_kit::http::permissions::{All, No, Own, Permission};

/// Access for anonymous callers, customers, salesmen, consultants and staff.
pub const TABLE: &[Permission] = &[
    Permission::new("GET", "/salesman-matches", [No, Own, Own, Own, All]),
    // It shows why these people were chosen, which customers must not see.
    Permission::new("GET", "/salesman-matches/{id}", [No, No, Own, Own, All]),
    Permission::new("GET", "/salesman-matches/candidates", [No, No, No, No, All]),
    Permission::new("GET", "/salesman-matches/counts", [No, No, No, No, All]),
    Permission::new("PATCH", "/salesman-matches/{id}", [No, No, No, No, All]),
    Permission::new("GET", "/me/data", [No, Own, No, No, No]),
    Permission::new("DELETE", "/me", [No, Own, No, No, No]),
];
