use super::*;
use axum::extract::OriginalUri;
use axum::response::Redirect;
use axum::routing::get;
use http::Request;

fn issuer() -> Url {
    Url::parse("http://localhost:3000/idp").unwrap()
}

fn transport() -> Transport {
    let provider = Router::new()
        .route(
            "/echo",
            get(
                |OriginalUri(uri): OriginalUri, headers: http::HeaderMap| async move {
                    format!("{uri} {}", headers[header::HOST].to_str().unwrap())
                },
            ),
        )
        .route("/large", get(|| async { vec![b' '; LARGEST_BODY + 1] }))
        .route("/broken", get(|| async { StatusCode::BAD_GATEWAY }))
        .route("/never", get(std::future::pending::<()>));
    let transport = Transport::new(&issuer(), Some(provider)).unwrap();
    Transport {
        deadline: Duration::from_millis(20),
        ..transport
    }
}

async fn get_from(transport: &Transport, address: &str) -> Result<HttpResponse, TransportError> {
    transport
        .send(Request::get(address).body(Vec::new()).unwrap())
        .await
}

#[tokio::test]
async fn the_embedded_provider_is_called_as_if_over_the_network() {
    let answer = get_from(&transport(), "http://localhost:3000/idp/echo?a=b")
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.body(), b"/idp/echo?a=b localhost:3000");
}

#[tokio::test]
async fn only_addresses_below_the_issuer_stay_in_the_process() {
    let embedded = transport().embedded.unwrap();
    let serves = |text: &str| embedded.serves(&Url::parse(text).unwrap());
    assert!(serves("http://localhost:3000/idp/token"));
    assert!(!serves("http://localhost:3000/idpx/token"));
    assert!(!serves("http://localhost:3000/token"));
    assert!(!serves("http://localhost:3001/idp/token"));
    assert!(!serves("https://localhost:3000/idp/token"));
}

#[tokio::test]
async fn an_answer_without_end_is_cut() {
    let error = get_from(&transport(), "http://localhost:3000/idp/large")
        .await
        .unwrap_err();
    assert!(matches!(error, TransportError::TooLarge), "{error}");
}

#[tokio::test]
async fn a_broken_provider_is_down() {
    let error = get_from(&transport(), "http://localhost:3000/idp/broken")
        .await
        .unwrap_err();
    assert!(matches!(error, TransportError::Broken(_)), "{error}");
}

#[tokio::test]
async fn a_provider_that_never_answers_is_given_up() {
    let error = get_from(&transport(), "http://localhost:3000/idp/never")
        .await
        .unwrap_err();
    assert!(matches!(error, TransportError::Timeout), "{error}");
}

#[tokio::test]
async fn plain_http_to_another_machine_is_refused() {
    let error = get_from(&transport(), "http://idp.example/token")
        .await
        .unwrap_err();
    assert!(matches!(error, TransportError::Insecure(_)), "{error}");
}

/// Serves a provider on the network.
async fn on_the_network(provider: Router) -> (Transport, String) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, provider).await });
    (
        Transport::new(&Url::parse(&issuer).unwrap(), None).unwrap(),
        issuer,
    )
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let provider = Router::new().route("/", get(|| async { Redirect::to("/elsewhere") }));
    let (transport, issuer) = on_the_network(provider).await;
    let answer = get_from(&transport, &issuer).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn an_answer_without_end_is_cut_on_the_network_too() {
    let provider = Router::new().route("/", get(|| async { vec![b' '; LARGEST_BODY + 1] }));
    let (transport, issuer) = on_the_network(provider).await;
    let error = get_from(&transport, &issuer).await.unwrap_err();
    assert!(matches!(error, TransportError::TooLarge), "{error}");
}

#[tokio::test]
async fn nobody_listening_is_a_failure() {
    let (transport, _) = on_the_network(Router::new()).await;
    let error = get_from(&transport, "http://127.0.0.1:1/")
        .await
        .unwrap_err();
    assert!(matches!(error, TransportError::Failed(_)), "{error}");
}
