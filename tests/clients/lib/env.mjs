// What the launcher tells the tests. A missing variable fails the suite: these tests are never skipped.
function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the tests with "node launch.mjs"`);
  return value;
}

// Where clients connect, as in ANTHROPIC_BASE_URL.
export const baseUrl = () => required('TOLLGATE_BASE_URL');
export const key = () => required('TOLLGATE_KEY');
// A key whose limit is below the price of any request.
export const poorKey = () => required('TOLLGATE_POOR_KEY');
// A key that manages keys.
export const managementKey = () => required('TOLLGATE_MANAGEMENT_KEY');
// A model by the name that clients use for it.
export const model = () => required('TOLLGATE_MODEL');
// host:port of the gRPC server.
export const grpcAddress = () => required('TOLLGATE_GRPC');
// The simulator, which is the upstream.
export const simulatorUrl = () => required('SIM_URL');
// one, five or straight: the form of Tollgate that is tested.
export const form = () => required('TOLLGATE_FORM');
