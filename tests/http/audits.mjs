// Runs every audit of the package graphql-http on one address: node audits.mjs URL
// A warning counts as a failure: what may be done otherwise is done as recommended.
import {auditServer} from 'graphql-http';

const results = await auditServer({url: process.argv[2]});
const failed = results.filter((one) => one.status !== 'ok');
for (const one of failed) console.log(`${one.status}: ${one.id} ${one.name}: ${one.reason}`);
console.log(`${results.length - failed.length} passed, ${failed.length} failed`);
process.exit(failed.length ? 1 : 0);
