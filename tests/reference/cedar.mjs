// cedar.mjs FOLDER < REQUESTS > DECISIONS: "allow" or "deny" for each line of JSON
// {policies, principal, action, resource, context}. FOLDER has node_modules with cedar-wasm.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const cedar = createRequire(process.argv[2] + "/")("@cedar-policy/cedar-wasm/nodejs");

for await (const line of createInterface({ input: process.stdin })) {
	const q = JSON.parse(line);
	const answer = cedar.isAuthorized({
		principal: { type: "Agent", id: q.principal },
		action: { type: "Action", id: q.action },
		resource: { type: "Link", id: q.resource },
		context: q.context,
		policies: { staticPolicies: q.policies },
		entities: [],
	});
	if (answer.type !== "success" || answer.response.diagnostics.errors.length)
		console.log("error " + JSON.stringify(answer));
	else
		console.log(answer.response.decision);
}
