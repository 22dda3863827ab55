import streamlit as st

st.title("Launch")
