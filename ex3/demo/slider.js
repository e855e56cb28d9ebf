// The browser's own slider, from 0 to a bound, which tells its value while it is moved.
const PAUSE = 40; // milliseconds between two messages

export default {
  template: `
    <input class="slider" type="range" :key="bound" :aria-label="label" min="0" :max="bound" :step="bound / 100"
      v-model.number="value" @input="wait" />`,
  props: { label: String, bound: Number, start: Number },
  data() {
    return { value: this.start };
  },
  watch: {
    bound() {
      this.value = this.start;
    },
  },
  methods: {
    wait() {
      this.waiting ??= setTimeout(this.tell, PAUSE);
    },
    tell() {
      this.waiting = undefined;
      this.$emit("slide", this.value);
    },
  },
};
