// s3rver on a free port, an S3 server, behind aws4, which checks each signature. Each request is told on a
// line of its own.
//   node server.js FOLDER [PORT]      its packages are found from the working folder
const path = require("node:path");
const { createHash, timingSafeEqual } = require("node:crypto");
const from = (name) => require(require.resolve(name, { paths: [process.cwd()] }));
const S3rver = from("s3rver");
const aws4 = from("aws4");

const keys = { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" };

// What aws4 would have sent for the same request, with the headers that were signed.
function signed(request) {
  const [, region, names] = /Credential=[^/]+\/\d+\/([^/]+)\/s3\/.*SignedHeaders=([^,]+)/.exec(request.headers.authorization || "") || [];
  if (!names) return false;
  const headers = Object.fromEntries(names.split(";").map((name) => [name, request.headers[name]]));
  const ours = aws4.sign({ service: "s3", region, method: request.method, path: request.url, headers }, keys).headers.Authorization;
  const [a, b] = [ours, request.headers.authorization].map((text) => createHash("sha256").update(text.replace(/,\s*/g, ",")).digest());
  return names.split(";").includes("x-amz-content-sha256") && timingSafeEqual(a, b);
}

// A body must be what its signed hash says. Looked at where it comes in, so that the server reads it as ever.
function hashed(request) {
  const hash = createHash("sha256");
  const push = request.push.bind(request);
  request.push = (piece, ...rest) => {
    if (piece) hash.update(piece);
    return push(piece, ...rest);
  };
  return () => hash.digest("hex") === request.headers["x-amz-content-sha256"];
}

const server = new S3rver({
  address: "127.0.0.1",
  port: Number(process.argv[3] || 0),
  silent: true,
  directory: path.resolve(process.argv[2]),
  configureBuckets: [{ name: "pictures" }],
});
server.middleware.unshift(async (context, next) => {
  const told = { method: context.method, url: context.url, status: 0, hashed: true };
  try {
    if (signed(context.req)) {
      const whole = hashed(context.req);
      await next();
      told.hashed = whole();
    } else {
      context.status = 403;
      context.type = "application/xml";
      context.body = "<Error><Code>SignatureDoesNotMatch</Code><Message>Check your key &amp; signing method</Message></Error>";
    }
    told.status = context.status;
  } catch (error) {
    told.status = error.status || 500;
    throw error;
  } finally {
    console.log(JSON.stringify(told));
  }
});
server.run().then(({ port }) => console.log(`listening on http://127.0.0.1:${port}`));
