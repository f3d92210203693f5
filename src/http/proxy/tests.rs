use super::*;

fn environment(pairs: &'static [(&str, &str)]) -> Proxies {
    Proxies::from_environment(|name| {
        pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    })
}

fn picked(proxies: &Proxies, host: &str) -> Option<String> {
    proxies.pick(host, 443).unwrap().map(|proxy| format!("{}:{}", proxy.host, proxy.port))
}

#[test]
fn lower_case_comes_first_and_https_before_all() {
    let all = &[("ALL_PROXY", "all:1"), ("HTTPS_PROXY", "upper:2"), ("https_proxy", "http://lower:3/")];
    assert_eq!(picked(&environment(all), "example.com").as_deref(), Some("lower:3"));
    assert_eq!(picked(&environment(&all[..2]), "example.com").as_deref(), Some("upper:2"));
    assert_eq!(picked(&environment(&all[..1]), "example.com").as_deref(), Some("all:1"));
    assert_eq!(picked(&environment(&[("HTTP_PROXY", "no:1"), ("http_proxy", "no:2")]), "example.com"), None);
    assert_eq!(
        picked(&environment(&[("https_proxy", "proxy")]), "example.com").as_deref(),
        Some("proxy:1080")
    );
}

#[test]
fn loopback_is_never_proxied() {
    let proxies = Proxies::explicit("proxy:8080").unwrap();
    for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "[::1]", "::1"] {
        assert_eq!(picked(&proxies, host), None, "{host}");
    }
    assert_eq!(picked(&proxies, "localhost.example").as_deref(), Some("proxy:8080"));
}

#[test]
fn no_proxy_by_curls_rules() {
    // word, host, port, whether the proxy is passed by
    let table = [
        ("example.com", "example.com", 443, true),
        ("example.com", "EXAMPLE.com", 443, true),
        ("example.com", "www.example.com", 443, true),
        ("example.com", "notexample.com", 443, false),
        (".example.com", "www.example.com", 443, true),
        (".example.com", "example.com", 443, true),
        ("*.example.com", "www.example.com", 443, true),
        ("example.com.", "example.com", 443, true),
        ("example.com:443", "example.com", 443, true),
        ("example.com:8443", "example.com", 443, false),
        ("10.0.0.1", "10.0.0.1", 443, true),
        ("10.0.0.1", "10.0.0.10", 443, false),
        ("10.0.0.0/8", "10.200.3.4", 443, true),
        ("10.0.0.0/8", "11.0.0.1", 443, false),
        ("10.0.0.0/8", "example.com", 443, false),
        ("0.0.0.0/0", "11.0.0.1", 443, true),
        ("10.0.0.0/33", "10.0.0.1", 443, false),
        ("2001:db8::/32", "[2001:db8:1::5]", 443, true),
        ("2001:db8::/32", "[2001:db9::5]", 443, false),
        ("2001:db8::5", "[2001:db8::5]", 443, true),
        ("*", "anything.example", 443, true),
        (".", "example.com", 443, false),
    ];
    for (word, host, port, expected) in table {
        assert_eq!(covers(word, host, port), expected, "{word} {host}:{port}");
    }
    let spaced = environment(&[("all_proxy", "p:1"), ("no_proxy", "foo, example.com\tbar  baz")]);
    for host in ["foo", "example.com", "bar", "baz"] {
        assert_eq!(picked(&spaced, host), None, "{host}");
    }
    assert_eq!(picked(&spaced, "qux").as_deref(), Some("p:1"));
}

#[test]
fn what_cannot_be_used_is_refused_and_not_passed_by() {
    let socks = environment(&[("ALL_PROXY", "socks5h://me:secret@proxy:1080")]);
    let error = socks.pick("example.com", 443).err().unwrap();
    let expected = "the proxy in ALL_PROXY is a socks5h:// one, which liblinq does not support; \
                    use an http:// one, or none";
    assert_eq!((error.kind, &*error.message), (ErrorKind::Network, expected));
    for bad in [
        "https://proxy",
        "socks4://p",
        "http://",
        "http://p:x",
        "http://p:99999",
        "http://p:+80",
        "http://a b",
    ] {
        let error = Proxies::explicit(bad).err().expect(bad);
        assert_eq!(error.kind, ErrorKind::InvalidArgument, "{bad}");
    }
    for odd in ["me:secret@proxy://", "a\nb://proxy"] {
        let error = Proxies::explicit(odd).err().expect(odd);
        assert_eq!(error.message, "the proxy is not a URL", "{odd}");
    }
    assert_eq!(picked(&Proxies::explicit("").unwrap(), "example.com"), None);
}

#[test]
fn the_tunnel_is_asked_for_with_credentials() {
    let proxy = parse("http://us%40er:p%3Ass@proxy:8080/").unwrap();
    let expected = "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\nUser-Agent: agent/1\r\n\
                    Proxy-Authorization: Basic dXNAZXI6cDpzcw==\r\n\r\n";
    assert_eq!(proxy.request("example.com", 443, "agent/1"), expected);
    assert_eq!(parse("[::1]:3128").map(|p| (p.host, p.port)), Ok(("[::1]".to_owned(), 3128)));
}

#[test]
fn answers_of_a_proxy() {
    let proxy = parse("proxy:1").unwrap();
    assert_eq!(proxy.accepted(b"HTTP/1.1 200 Connection established\r\n\r\n"), Ok(()));
    let table: [(&[u8], &str, bool); 7] = [
        (b"HTTP/1.1 407 Who?\r\n\r\n", "the proxy proxy:1 wants credentials (407) in its URL", false),
        (b"HTTP/1.0 502 Bad\r\n\r\n", "the proxy proxy:1 refused the tunnel with status 502", true),
        (b"HTTP/1.1 429\n\n", "the proxy proxy:1 refused the tunnel with status 429", true),
        (b"HTTP/1.1 403 No\r\n\r\n", "the proxy proxy:1 refused the tunnel with status 403", false),
        (b"SSH-2.0-hello\r\n\r\n", "the proxy proxy:1 did not answer as an HTTP proxy does", false),
        (b"HTTP/1.1 +20 OK\r\n\r\n", "the proxy proxy:1 did not answer as an HTTP proxy does", false),
        (b"HTTP/1.1 200 OK\r\nVia: x", "the proxy proxy:1 did not answer as an HTTP proxy does", false),
    ];
    for (answer, message, retryable) in table {
        let error = proxy.accepted(answer).unwrap_err();
        assert_eq!((&*error.message, error.details.retryable), (message, retryable));
    }
    let refused = parse("user:password@proxy:1").unwrap().accepted(b"HTTP/1.1 407 Who?\r\n\r\n").unwrap_err();
    assert_eq!(refused.message, "the proxy proxy:1 wants other credentials (407) in its URL");
}

#[test]
fn an_answer_is_read_to_the_end_of_its_head_and_no_further() {
    let sent = b"HTTP/1.1 103 Early Hints\r\nLink: x\n\nHTTP/1.1 200 OK\r\nVia: x\r\n\r\nHTTP/1.1";
    let mut answer = Answer::default();
    let taken = sent.iter().take_while(|byte| {
        let more = !answer.is_over();
        if more {
            answer.push(**byte);
        }
        more
    });
    assert_eq!(taken.count(), sent.len() - "HTTP/1.1".len());
    assert_eq!(answer.head, b"HTTP/1.1 200 OK\r\nVia: x\r\n\r\n");
}
