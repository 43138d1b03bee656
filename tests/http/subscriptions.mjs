// What the npm client graphql-ws hears from a shop: node subscriptions.mjs URL
// Prints one line of JSON for each thing that it did.
import {createClient} from 'graphql-ws';
import WebSocket from 'ws';

const url = process.argv[2];
const tell = (did, found) => console.log(JSON.stringify({did, ...found}));
const connect = (more) =>
  createClient({url, webSocketImpl: WebSocket, lazy: true, retryAttempts: 0, ...more});

const collect = (client, payload, {most = Infinity} = {}) =>
  new Promise((resolve) => {
    const answers = [];
    const stop = client.subscribe(payload, {
      next: (answer) => {
        answers.push(answer);
        if (answers.length === most) stop();
      },
      error: (error) => resolve({answers, error: error.code ? {code: error.code, reason: error.reason} : error}),
      complete: () => resolve({answers}),
    });
  });

const heard = {pings: 0};
let said;
const farewell = new Promise((resolve) => (said = resolve));
const client = connect({
  lazy: false,
  on: {closed: (event) => said({code: event.code}), ping: (received) => (heard.pings += received)},
});
tell('subscribe', await collect(client, {query: 'subscription { countTo(ticks: 3) { number double } }'}));
tell('query', await collect(client, {query: '{ channels { code } }'}));
tell('mutation', await collect(client, {
  query: 'mutation($id: ID!) { addToCart(input: {variantId: $id}) { userErrors { code } } }',
  variables: {id: 'x'},
}));
tell('invalid', await collect(client, {query: 'subscription { nothing }'}));
tell('refused', await collect(client, {query: 'subscription { countTo(ticks: 11) { number } }'}));
tell('forbidden to guests', await collect(client, {query: 'subscription { myChannel }'}));
tell('broken off', await collect(client, {query: 'subscription { breakDown }'}));
tell('unsubscribe', await collect(client, {query: 'subscription { waitForEver }'}, {most: 1}));
await new Promise((resolve) => setTimeout(resolve, 300));
tell('ping', {answered: heard.pings > 0});
tell('stays', await collect(client, {query: '{ __typename }'}));
await client.dispose();
tell('close', await farewell);

const stranger = connect({connectionParams: {authorization: 'Bearer x'}});
tell('forbidden', await collect(stranger, {query: '{ __typename }'}));
await stranger.dispose();
