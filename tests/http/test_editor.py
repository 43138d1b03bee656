"""The script of the query editor's page, run by Node with stand-ins for what it loads."""

import json
import re
import subprocess

import pytest

from koipond.graphql.assets import graphiql_page

# What the page loads, as far as its own script uses it, and a subscriber with two logins.
AROUND = """
const opened = [];
const graphqlWs = { createClient: (asked) => opened.push(asked) };
const GraphiQL = { createFetcher: ({ wsClient }) => () => wsClient };
const ReactDOM = { render: () => {} };
const React = { createElement: (kind, given) => { fetcher_ = given?.fetcher ?? fetcher_; } };
const location = { origin: "https://shop.example.org" };
const settings = '{"query": "", "endpoint": "/graphql"}';
const document = { getElementById: () => ({ textContent: settings }) };
let fetcher_;
%s
const lin = { Authorization: "Bearer lin" };
const used = [lin, undefined, { ...lin }].map((headers) => fetcher_({}, { headers }));
console.log(JSON.stringify({ opened, used }));
"""


@pytest.mark.slow
@pytest.mark.usefixtures("node")
def test_a_subscription_of_the_editor_has_the_headers_of_the_editor() -> None:
    page = graphiql_page(query="", endpoint="/graphql", assets="/assets")
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    ran = subprocess.run(
        ["node", "--input-type=module", "-"],
        input=AROUND % script,
        capture_output=True,
        text=True,
        check=True,
    )
    url = "wss://shop.example.org/graphql"
    assert json.loads(ran.stdout) == {
        "opened": [
            {"url": url, "connectionParams": {"Authorization": "Bearer lin"}},
            {"url": url, "connectionParams": {}},
        ],
        "used": [1, 2, 1],
    }
