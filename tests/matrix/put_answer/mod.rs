//! What the storage answers to the PUT: rows 45 to 53, and 105 on.

mod codes;
mod expired;
mod late;
mod page;
mod xml;
