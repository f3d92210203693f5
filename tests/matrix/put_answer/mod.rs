//! What the storage answers to the PUT: rows 45 to 53.

mod codes;
mod expired;
mod late;
mod xml;
