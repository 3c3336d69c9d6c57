// Reload the page during the run, as often as it is written.
const { seconds } = JSON.parse(document.getElementById("data").textContent);
if (seconds) setTimeout(() => location.reload(), 1000 * seconds);
