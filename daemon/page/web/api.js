// The control API, asked by the page. The session is a cookie that no script can see.

export class ApiProblem extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// Cookies go to every port of a host, so the cookie alone shows pictures only. All else needs what signing in told,
// which is kept where only this page's origin reaches.
let proof = "";
try {
  proof = localStorage.getItem("proof") ?? "";
} catch {
  // Storage is blocked: it is known as long as the page is open.
}

/** Signs in by a token or a link. */
export async function signIn(by) {
  ({ proof } = await call("POST", "/v1/page/session", by));
  try {
    localStorage.setItem("proof", proof);
  } catch {
    // As above.
  }
}

/** Headers that every question needs. */
export const credentials = () => ({ "x-mjwatchd-proof": proof });

async function problemOf(answer) {
  const text = await answer.text();
  try {
    return new ApiProblem(answer.status, JSON.parse(text).detail);
  } catch {
    return new ApiProblem(answer.status, `${answer.status} ${answer.statusText}`);
  }
}

/** Answers the JSON, or throws what is wrong in words for people. Status 0: nobody answers. */
export async function call(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: { ...credentials(), ...(body !== undefined && { "content-type": "application/json" }) },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
    });
  } catch {
    throw new ApiProblem(0, "The daemon does not answer.");
  }
  if (!answer.ok) {
    const problem = await problemOf(answer);
    if (problem.status === 401) window.dispatchEvent(new Event("signed-out"));
    throw problem;
  }
  return answer.status === 204 ? null : answer.json();
}

export const get = (path) => call("GET", path);
export const post = (path, body = {}) => call("POST", path, body);

/** A path with a query of what is given; empty values are left out. */
export function withQuery(path, parameters) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== "") query.set(name, value);
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}
