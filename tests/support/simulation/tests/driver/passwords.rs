use eventlog_simulation::Settings;
use mongodb::Client;
use mongodb::bson::{Document, doc};

use crate::{events, start};

#[tokio::test]
async fn wrong_password_is_refused() {
    let simulation = start(Settings::default());
    let with = async |password: &str| {
        let client = Client::with_uri_str(simulation.uri_with_password(password)).await.expect("a client");
        client.database("test").collection::<Document>("events")
    };
    let (old, new) = (with("old").await, with("new").await);
    old.insert_one(doc! { "_id": 1 }).await.expect("any password is accepted at first");
    simulation.set_password("new").expect("set");
    // The driver may give up before it has read the reason.
    old.insert_one(doc! { "_id": 2 }).await.expect_err("refused");
    new.insert_one(doc! { "_id": 3 }).await.expect("accepted");
    events(&simulation)
        .await
        .insert_one(doc! { "_id": 4 })
        .await
        .expect("a client without a password is accepted");
}
