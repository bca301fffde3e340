// A real OpenID provider on a free loopback port, in memory, with one public client that signs in by the
// device flow. Its address is the first line on standard output. It ends when its standard input does.
//
// Beside the provider's own routes: GET /test/grants, what was asked of the token endpoint and how that went.
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const TOKENS_LIVE = 3600; // seconds
const INTERVAL = 1; // seconds between two polls; by itself the provider says none, which means 5

const server = createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [{
    client_id: 'pluma',
    token_endpoint_auth_method: 'none',
    grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
    response_types: [],
    redirect_uris: [],
  }],
  features: {
    deviceFlow: { enabled: true },
    revocation: { enabled: true },
  },
  rotateRefreshToken: true, // one that is used a second time revokes all that came of it
  ttl: { AccessToken: TOKENS_LIVE, DeviceCode: 600, RefreshToken: TOKENS_LIVE, Grant: TOKENS_LIVE },
});

const grants = [];
provider.use(async (ctx, next) => {
  if (ctx.path === '/test/grants') {
    ctx.body = grants;
    return;
  }
  await next();
  if (ctx.path === '/device/auth' && ctx.status === 200) ctx.body.interval = INTERVAL;
  if (ctx.path === '/token') grants.push({ type: ctx.oidc?.params?.grant_type ?? null, error: ctx.body?.error ?? null });
});

server.on('request', provider.callback());
process.stdin.on('end', () => process.exit(0)).resume();
console.log(issuer);
