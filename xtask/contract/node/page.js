// What a single-page application does with jQuery: the call that Auth0's guide to unlinking shows, with the user's own
// token and the ids joined into the address as they are, and what comes of it written to the page.

const { domain, userId, token } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
let answers = 0;

function show(text) {
  answers += 1;
  $("output").text(text).attr("data-answers", answers);
}

function unlink(provider, id) {
  $.ajax({
    type: "DELETE",
    url: "https://" + domain + "/api/v2/users/" + userId + "/identities/" + provider + "/" + id,
    headers: { Authorization: "Bearer " + token },
  })
    .then((identities) => show("left: " + identities.map((one) => one.provider).join(", ")))
    .fail((answer) => show("refused: " + answer.status + " " + (answer.responseText ?? "nothing to read")));
}

$(() => $("button").on("click", (event) => unlink(event.target.dataset.provider, event.target.dataset.id)));
