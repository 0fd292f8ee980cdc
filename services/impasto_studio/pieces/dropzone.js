// A place to drop pictures on. Three are under way at once; the others wait their turn.
const AT_ONCE = 3;

export default {
  template: `
    <div class="drop">
      <label class="drop-area" :class="{over: over}"
             @dragover.prevent="over = true" @dragleave="over = false" @drop.prevent="drop">
        <span class="icon-box" v-html="icon"></span>
        <span class="drop-title">{{ title }}</span>
        <span class="drop-note">{{ note }}</span>
        <input type="file" multiple accept="image/png,image/jpeg,image/webp" @change="choose" />
      </label>
      <ul class="drop-files" v-if="files.length" aria-live="polite">
        <li v-for="file in files" :key="file.number" class="drop-file" :class="file.state">
          <img v-if="file.url" :src="file.url" alt="" class="drop-thumb" />
          <span class="drop-name">{{ file.name }}</span>
          <span class="drop-outcome">{{ file.outcome || texts[file.state] }}</span>
          <span class="bar" v-if="!file.ended"><span class="bar-fill" :style="{width: file.percent + '%'}"></span></span>
        </li>
      </ul>
    </div>
  `,
  props: { title: String, note: String, texts: Object, fields: Object, icon: String },
  data() {
    return { over: false, files: [], number: 0 };
  },
  unmounted() {
    this.files.forEach((file) => URL.revokeObjectURL(file.url));
  },
  methods: {
    drop(event) {
      this.over = false;
      this.add(event.dataTransfer.files);
    },
    choose(event) {
      this.add(event.target.files);
      event.target.value = "";
    },
    add(list) {
      for (const source of list) {
        this.files.push({
          source, name: source.name, number: this.number++, state: "waiting", percent: 0, ended: false,
          outcome: "", url: URL.createObjectURL(source), fields: JSON.stringify(this.fields),
        });
      }
      this.next();
    },
    next() {
      const sending = this.files.filter((file) => !file.ended && file.state !== "waiting").length;
      const waiting = this.files.filter((file) => file.state === "waiting");
      waiting.slice(0, AT_ONCE - sending).forEach(this.send);
      if (!sending && !waiting.length) {
        const counts = { accepted: 0, duplicate: 0, refused: 0 };
        this.files.forEach((file) => counts[file.state]++);
        this.$emit("done", counts);
      }
    },
    send(file) {
      file.state = "sending";
      const request = new XMLHttpRequest();
      request.open("POST", (window.path_prefix || "") + "/works");
      request.setRequestHeader("X-File-Name", encodeURIComponent(file.name));
      request.setRequestHeader("X-Fields", encodeURIComponent(file.fields));
      request.upload.onprogress = (event) => (file.percent = Math.round((100 * event.loaded) / event.total));
      request.upload.onload = () => (file.state = "checking");
      request.onload = () => this.told(file, request.responseText);
      request.onerror = () => this.end(file, "refused", this.texts.broken);
      request.send(file.source);
    },
    told(file, text) {
      let answer = {};
      try {
        answer = JSON.parse(text);
      } catch {
        answer = { message: this.texts.broken };
      }
      const error = answer.error || answer;
      this.end(file, answer.verdict || "refused", answer.verdict && !answer.error ? "" : error.message);
    },
    end(file, state, outcome) {
      Object.assign(file, { state, outcome, ended: true, percent: 100, source: null });
      this.next();
    },
  },
};
