"""All audits of the npm package graphql-http: https://github.com/graphql/graphql-http"""

import pytest
from tests.http.judging import audit


@pytest.mark.slow
@pytest.mark.usefixtures("node")
async def test_every_audit_of_graphql_over_http_passes() -> None:
    assert await audit() == (0, "61 passed, 0 failed\n")
