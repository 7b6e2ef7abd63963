//! The permission table.

use service_kit::http::permissions::{All, No, Own, Permission};

/// Access of anonymous callers, customers, salesmen, consultants and staff, per operation.
pub const TABLE: &[Permission] = &[
    Permission::new("GET", "/interests", [No, Own, Own, Own, All]),
    // A salesman may enter any customer. Unless assigned to the interest, the salesman gets back
    // only what the request contained.
    Permission::new("POST", "/interests", [No, Own, All, No, All]),
    Permission::new("GET", "/interests/{id}", [No, Own, Own, Own, All]),
    // Salesmen and consultants do not decide what their customers are interested in.
    Permission::new("PATCH", "/interests/{id}", [No, Own, No, No, All]),
    // Customers know their own number.
    Permission::new("POST", "/interests/{id}/phone", [No, No, Own, Own, All]),
    Permission::new("GET", "/interests/customers", [No, No, Own, Own, All]),
    Permission::new("GET", "/interests/counts", [No, Own, Own, Own, All]),
    Permission::new("GET", "/interests/marks", [No, Own, No, No, No]),
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
