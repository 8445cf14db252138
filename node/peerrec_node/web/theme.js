// Runs before the first paint, hence no module: who chose dark must not see a white flash.
(() => {
	try {
		const chosen = localStorage.getItem("peerrec.theme");
		if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
		if (localStorage.getItem("peerrec.explain") === "1") {
			document.documentElement.dataset.explain = "";
		}
	} catch {
		// Storage may be switched off; the system's colours do.
	}
})();
