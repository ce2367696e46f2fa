// A real OpenID provider on a free port of this machine, for tests: it signs in whoever is named, with any password.
//
// A login is a subject, and the username it claims after the last slash: "4711/alice" claims to be alice, "alice"
// too, and "4711/" claims nothing. The address of the issuer is the first line printed.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const back = 'http://127.0.0.1/sign-in/oidc/back/'; // on any port: that is what native clients may say
const client = (client_id, more) => ({
  client_id,
  application_type: 'native',
  redirect_uris: [back],
  grant_types: ['authorization_code'],
  response_types: ['code'],
  ...more,
});

const key = (kid, alg, type, options) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }),
  kid,
  alg,
  use: 'sig',
});

const account = (login) => {
  const username = login.slice(login.lastIndexOf('/') + 1);
  const email = `${username}@example.org`;
  const claims = { sub: login, name: `${username} Ångström`, email, email_verified: true };
  return username ? { ...claims, preferred_username: username } : { sub: login };
};

const configuration = {
  clients: [
    client('usage', { client_secret: 'swordfish & +', token_endpoint_auth_method: 'client_secret_basic' }),
    client('public', { token_endpoint_auth_method: 'none', id_token_signed_response_alg: 'ES256' }),
    client('hasty', { token_endpoint_auth_method: 'none' }),
  ],
  jwks: {
    keys: [
      key('rsa', 'RS256', 'rsa', { modulusLength: 2048 }),
      key('ec', 'ES256', 'ec', { namedCurve: 'P-256' }),
    ],
  },
  claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email', 'email_verified'] },
  findAccount: (_, login) => ({ accountId: login, claims: () => account(login) }),
  features: { devInteractions: { enabled: true } },
  cookies: { keys: ['known to everybody'] },
  ttl: { AuthorizationCode: (_, __, { clientId }) => (clientId === 'hasty' ? 1 : 60) },
};

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  server.on('request', new Provider(issuer, configuration).callback());
  console.log(issuer);
});
