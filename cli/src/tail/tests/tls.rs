//! Over TLS.

use std::sync::Arc;

use hyper_rustls::HttpsConnectorBuilder;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::*;

/// A server, and what trusts its certificate and no other.
async fn stub() -> (Stub, Connector) {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".into()]).expect("a certificate");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(default_provider());
    let server = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let server = server.expect("versions").with_no_client_auth();
    let server = server.with_single_cert(vec![cert.der().clone()], key).expect("a server");
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let client = client.expect("versions").with_root_certificates(only(cert.der())).with_no_client_auth();
    let connector = HttpsConnectorBuilder::new().with_tls_config(client).https_only().enable_http1().build();
    (Stub::start_with(TlsAcceptor::from(Arc::new(server))).await, connector)
}

fn only(root: &CertificateDer<'static>) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).expect("a root");
    roots
}

#[tokio::test]
async fn both_apis_are_reached() {
    let (stub, connector) = stub().await;
    let mut events = stub.append(3);
    let mut tail = Tail::of(&stub, Options { begin: Begin::First, connector, ..Options::default() });
    assert_eq!(tail.take(3).await, events);
    events.extend(stub.append(2));
    assert_eq!(tail.take(2).await, events[3..]);
    assert_eq!(tail.reasons(), [""; 0]);
}

#[tokio::test]
async fn who_is_not_trusted_is_told_nothing() {
    let (stub, _) = stub().await;
    stub.append(1);
    let mut tail = Tail::of(&stub, Options { token: Some("evl_s3cret"), ..Options::default() });
    drop(within("a reason", tail.reasons.wait_for(|reasons| !reasons.is_empty())).await.expect("a reason"));
    assert!(tail.reasons()[0].contains("invalid peer certificate"), "{:?}", tail.reasons());
    assert!(stub.with(|state| state.requests.is_empty()));
}
