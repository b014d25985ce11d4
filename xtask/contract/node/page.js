// What a page does that follows Auth0's guide to unlinking: jQuery's $.ajax with the same options as there (the method, the
// ids joined into the address as they are, one header), who is logged in taken from local storage, the outcome in an alert.
// The guide's own text is not in any package, and is not copied here.

const { domain, ...login } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
for (const [key, value] of Object.entries(login)) localStorage.setItem(key, value);

function unlink(provider, id) {
  const user = localStorage.getItem("user_id");
  const bearer = localStorage.getItem("access_token");
  $.ajax({
    type: "DELETE",
    url: "https://" + domain + "/api/v2/users/" + user + "/identities/" + provider + "/" + id,
    headers: { Authorization: "Bearer " + bearer },
  })
    .then((left) => alert("left: " + left.map((one) => one.provider).join(", ")))
    .fail((answer) => alert("refused: " + answer.status + " " + (answer.responseText ?? "nothing to read")));
}

$(() => $("button").on("click", (event) => unlink(event.target.dataset.provider, event.target.dataset.id)));
