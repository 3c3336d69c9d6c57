// Each picture of a page opens by itself, where it can be enlarged.
document.addEventListener("DOMContentLoaded", () => {
  for (const image of document.querySelectorAll("article img")) {
    if (image.closest("a")) continue;
    const link = document.createElement("a");
    link.href = image.src;
    link.title = "Open the picture";
    image.replaceWith(link);
    link.append(image);
  }
});
