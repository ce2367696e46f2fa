// As Waldur generates its own JavaScript client, but for the extension that Node wants in imports.
export default {
  input: "openapi.json",
  output: { path: "sdk", module: { extension: ".js" } },
  plugins: [
    "@hey-api/sdk",
    { name: "@hey-api/client-fetch", throwOnError: true },
    "@hey-api/typescript",
  ],
  parser: { transforms: { readWrite: { enabled: false } } },
};
