//! The listeners: what each is for, and its name.

/// What a listener is for.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Api,
    Storage,
    Other,
    Proxy,
    /// The API again, behind a certificate that must be refused.
    BadTls,
    Control,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Storage => "storage",
            Self::Other => "other",
            Self::Proxy => "proxy",
            Self::BadTls => "bad_tls",
            Self::Control => "control",
        }
    }
}

/// One listener's identity.
pub struct Side {
    pub kind: Kind,
    pub tls: bool,
    pub name: &'static str,
}

impl Side {
    const fn new(kind: Kind, tls: bool, name: &'static str) -> Self {
        Self { kind, tls, name }
    }

    pub const ALL: [Self; 12] = [
        Self::new(Kind::Api, false, "api"),
        Self::new(Kind::Api, true, "api_tls"),
        Self::new(Kind::Storage, false, "storage"),
        Self::new(Kind::Storage, true, "storage_tls"),
        Self::new(Kind::Other, false, "other"),
        Self::new(Kind::Other, true, "other_tls"),
        Self::new(Kind::Proxy, false, "proxy"),
        Self::new(Kind::BadTls, true, "bad_tls_expired"),
        Self::new(Kind::BadTls, true, "bad_tls_not_yet"),
        Self::new(Kind::BadTls, true, "bad_tls_wrong_host"),
        Self::new(Kind::BadTls, true, "bad_tls_unknown_ca"),
        Self::new(Kind::Control, false, "control"),
    ];

    /// Whether a fault for `wanted` concerns this listener: its name, its name with `_plain`, or a name for several.
    pub fn is(&self, wanted: &str) -> bool {
        wanted == self.name
            || wanted.strip_suffix("_plain").is_some_and(|kind| !self.tls && kind == self.kind.name())
            || (wanted == self.kind.name() && self.kind != Kind::Control)
    }

    pub fn is_known(wanted: &str) -> bool {
        Side::ALL.iter().any(|side| side.kind != Kind::Control && side.is(wanted))
    }
}
