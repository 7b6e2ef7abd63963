//! Who may call which operation.

use service_kit::http::permissions::{All, No, Own, Permission};

/// The access of anyone, customers, salesmen, consultants and staff to each operation.
pub const TABLE: &[Permission] = &[
    Permission::new("GET", "/projects", [All; 5]),
    Permission::new("GET", "/projects/facets", [All; 5]),
    Permission::new("GET", "/projects/dashboard", [No, No, No, No, All]),
    Permission::new("GET", "/projects/{id}", [All; 5]),
    Permission::new("POST", "/projects", [No, No, No, No, All]),
    Permission::new("PATCH", "/projects/{id}", [No, No, No, No, All]),
    Permission::new("POST", "/projects/{id}/start", [No, No, No, No, All]),
    Permission::new("POST", "/projects/{id}/end", [No, No, No, No, All]),
    Permission::new("POST", "/projects/end-overdue", [No, No, No, No, All]),
    // Totals, and one's own customers.
    Permission::new("GET", "/projects/{id}/view", [No, No, Own, Own, All]),
    // For a customer with an assignment to the caller.
    Permission::new("GET", "/projects/visit-card", [No, No, Own, Own, All]),
    Permission::new("POST", "/projects/imports", [No, No, No, No, All]),
    Permission::new("GET", "/projects/imports", [No, No, No, No, All]),
    Permission::new("GET", "/projects/imports/{id}", [No, No, No, No, All]),
    Permission::new("GET", "/projects/imports/{id}/rows", [No, No, No, No, All]),
    Permission::new(
        "POST",
        "/projects/imports/{id}/commit",
        [No, No, No, No, All],
    ),
    Permission::new("GET", "/me/data", [No, Own, No, No, No]),
    Permission::new("DELETE", "/me", [No, Own, No, No, No]),
];
